//! Running the binary, and talking to it when it serves.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// What a finished run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// What it told in JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

/// Runs the binary with these words, `input` on its standard input.
pub(crate) fn run(words: &[&str], input: &[u8]) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_interdict"))
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // A program that refuses its input early closes the pipe; that is for its exit code to tell.
    let feeding = std::thread::spawn(move || stdin.write_all(&input).is_ok());
    let output = child.wait_with_output().expect("it ends");
    let _fed = feeding.join().expect("fed");
    Ran {
        code: output.status.code().expect("it was not killed"),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// A program that the test command installs; where it is missing, a test says so, and fails if nothing may be skipped.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin").join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "{name} is not installed");
    eprintln!("skipped: {name} is not installed; ./test installs it");
    None
}

/// A folder of its own, removed afterwards.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("interdict-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file whole, the way editors do: beside it, then in its place.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        let beside = path.with_extension("new");
        std::fs::write(&beside, text).expect("written");
        std::fs::rename(&beside, &path).expect("in place");
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} stays: {error}", self.0.display());
        }
    }
}

/// The binary, serving on a port of its own.
pub(crate) struct Serving {
    child: Child,
    out: BufReader<ChildStdout>,
    pub(crate) address: String,
    /// What it said before it served.
    pub(crate) said: String,
}

impl Serving {
    pub(crate) fn start(words: &[&str]) -> Self {
        Self::start_with(words, &[])
    }

    /// The same with options of `serve`.
    pub(crate) fn start_with(words: &[&str], options: &[&str]) -> Self {
        Self::start_in(&[], words, options)
    }

    /// With these variables in its environment.
    pub(crate) fn start_in(environment: &[(&str, &str)], words: &[&str], options: &[&str]) -> Self {
        let mut binary = Command::new(env!("CARGO_BIN_EXE_interdict"));
        binary.envs(environment.iter().copied());
        Self::start_as(binary, words, options)
    }

    /// With a command of its own for the binary.
    pub(crate) fn start_as(mut binary: Command, words: &[&str], options: &[&str]) -> Self {
        let mut child = binary
            .args(words)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        let mut said = String::new();
        while !line.starts_with("console") {
            line.clear();
            assert!(out.read_line(&mut line).expect("readable") > 0, "it ended before it served");
            said.push_str(&line);
        }
        let (_, address) = line.trim().trim_end_matches('/').split_once("http://").expect("an address");
        let address = address.to_owned();
        Self { child, out, address, said }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Reads what it says until a line contains `words`, and returns that line.
    pub(crate) fn hears(&mut self, words: &str) -> String {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert!(self.out.read_line(&mut line).expect("readable") > 0, "it ended without saying {words}");
        }
        line.trim_end().to_owned()
    }

    /// Closes the pipes that what it says is read from, as a collector that is restarted does.
    pub(crate) fn stop_reading(&mut self) {
        let mut nothing = Command::new("true").stdout(Stdio::piped()).spawn().expect("it runs");
        self.out = BufReader::new(nothing.stdout.take().expect("a pipe"));
        assert!(nothing.wait().expect("it ends").success());
        drop(self.child.stderr.take());
    }

    /// Reads what it complains of until a line contains `words`, and returns that line.
    pub(crate) fn complains(&mut self, words: &str) -> String {
        let mut complaints = BufReader::new(self.child.stderr.take().expect("read once"));
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert!(complaints.read_line(&mut line).expect("readable") > 0, "it ended without complaining of {words}");
        }
        line
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String, String) {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"), b"")
    }

    pub(crate) fn post(&self, path: &str, body: &[u8]) -> (u16, String, String) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\nx-request-id: r-7\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.exchange(&head, body)
    }

    /// Status, head and body of one request.
    pub(crate) fn exchange(&self, head: &str, body: &[u8]) -> (u16, String, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.write_all(head.as_bytes()).expect("sent");
        // The server may answer and close before a body it refuses is sent.
        let _sent = stream.write_all(body).is_ok();
        let mut answer = Vec::new();
        let _closed = stream.read_to_end(&mut answer).is_ok();
        let answer = String::from_utf8(answer).expect("UTF-8");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.get(9..12).and_then(|code| code.parse().ok()).expect("a status");
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    /// Whether it has ended.
    pub(crate) fn ended(&mut self) -> bool {
        self.child.try_wait().expect("it is known").is_some()
    }

    /// Asks it to end and waits; its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().expect("killed");
            self.child.wait().expect("gone");
        }
    }
}
