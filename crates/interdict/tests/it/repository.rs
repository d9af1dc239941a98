//! A repository as its operator makes one: packages from aapt and apksigner, an index by fdroidserver, served by nginx
//! with the configuration of the example; and clients in several territories.

use crate::program::Folder;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// Where the example is.
pub(crate) const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/store");

/// Addresses the example's list of networks places.
pub(crate) const US: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 1);
pub(crate) const CA: Ipv4Addr = Ipv4Addr::new(127, 2, 0, 1);
pub(crate) const PR: Ipv4Addr = Ipv4Addr::new(127, 3, 0, 1);
pub(crate) const HIDDEN: Ipv4Addr = Ipv4Addr::new(127, 4, 0, 1);
pub(crate) const NOWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);

/// Runs a program that must succeed.
pub(crate) fn run(folder: &Path, program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).current_dir(folder).env("HOME", folder).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{program} {words:?}\n{}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout) + &text(&output.stderr)
}

/// Whether the programs are there; without them a test says so and passes, except where nothing may be skipped.
pub(crate) fn has(programs: &[&str]) -> bool {
    let missing: Vec<&&str> = programs
        .iter()
        .filter(|program| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            !std::env::split_paths(&path).chain(["/usr/sbin".into()]).any(|folder| folder.join(program).exists())
        })
        .collect();
    if !missing.is_empty() {
        assert_ne!(std::env::var_os("CI").as_deref(), Some(std::ffi::OsStr::new("true")), "not installed: {missing:?}");
        eprintln!("skipped, for want of {missing:?}");
    }
    missing.is_empty()
}

/// The programs that make and serve a repository.
pub(crate) const MAKERS: &[&str] = &["aapt", "zipalign", "apksigner", "keytool", "fdroid", "nginx"];

/// A published repository, made once and kept: `fdroid/repo` below it, with the certificate of the listed app.
pub(crate) struct Published {
    pub(crate) folder: PathBuf,
    pub(crate) listed_certificate: String,
    pub(crate) fingerprint: String,
}

/// The repository of these tests.
pub(crate) fn published() -> &'static Published {
    static MADE: OnceLock<Published> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("repository-4");
        if !folder.join("done").exists() {
            if folder.exists() {
                std::fs::remove_dir_all(&folder).expect("an unfinished one goes");
            }
            make(&folder);
        }
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("kept").trim().to_owned();
        Published { listed_certificate: read("listed"), fingerprint: read("fingerprint"), folder }
    })
}

fn make(folder: &Path) {
    std::fs::create_dir_all(folder.join("fdroid/repo")).expect("a folder");
    std::fs::create_dir_all(folder.join("tmp")).expect("a folder");
    let digest = |key: &str| {
        let store = format!("{key}.jks");
        let words = ["-genkeypair", "-keystore", &store, "-storepass", "secret", "-keypass", "secret", "-alias", "k"];
        let more = ["-keyalg", "RSA", "-keysize", "2048", "-validity", "9999", "-dname", "CN=test"];
        run(folder, "keytool", &[&words[..], &more[..]].concat());
        let shown = run(folder, "keytool", &["-list", "-v", "-keystore", &store, "-storepass", "secret"]);
        let line = shown.lines().find_map(|line| line.trim().strip_prefix("SHA256: ")).expect("a digest");
        line.replace(':', "").to_ascii_lowercase()
    };
    let (own, listed) = (digest("own"), digest("listed"));
    for (package, code, key) in [
        ("com.example.brook", 100, "listed"),
        ("com.example.brook", 101, "listed"),
        // Another name, the same signer: the listed app in disguise.
        ("org.example.stream", 1, "listed"),
        // Names that only look alike.
        ("com.example.brooks", 1, "own"),
        ("org.example.notes", 1, "own"),
        ("org.example.notes", 2, "own"),
    ] {
        package_file(folder, package, code, key);
    }
    let config = "repo_url: http://store.example/fdroid/repo\nrepo_name: Example Store\nrepo_description: a test\n\
                  repo_keyalias: k\nkeystore: ../own.jks\nkeystorepass: secret\nkeypass: secret\nkeydname: CN=test\n";
    let path = folder.join("fdroid/config.yml");
    std::fs::write(&path, config).expect("written");
    run(folder, "chmod", &["600", "fdroid/config.yml"]);
    run(&folder.join("fdroid"), "fdroid", &["update", "--create-metadata"]);
    // A file of some length, for ranges.
    let long: Vec<u8> = (0..5_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(folder.join("fdroid/repo/notes.tar"), long).expect("written");
    for (name, text) in [("listed", listed), ("fingerprint", own), ("done", String::new())] {
        std::fs::write(folder.join(name), text).expect("written");
    }
}

/// Builds and signs one package into the repository.
pub(crate) fn package_file(folder: &Path, package: &str, code: u32, key: &str) {
    let manifest = format!(
        "<manifest xmlns:android=\"http://schemas.android.com/apk/res/android\" package=\"{package}\" \
         android:versionCode=\"{code}\" android:versionName=\"{code}.0\"><uses-sdk android:minSdkVersion=\"21\" \
         android:targetSdkVersion=\"30\"/><application android:label=\"{package}\"/></manifest>"
    );
    std::fs::write(folder.join("AndroidManifest.xml"), manifest).expect("written");
    let framework = "/usr/share/android-framework-res/framework-res.apk";
    run(folder, "aapt", &["package", "-f", "-M", "AndroidManifest.xml", "-I", framework, "-F", "bare.apk"]);
    run(folder, "zipalign", &["-f", "4", "bare.apk", "aligned.apk"]);
    let (keys, out) = (format!("{key}.jks"), format!("fdroid/repo/{package}_{code}.apk"));
    run(folder, "apksigner", &["sign", "--ks", &keys, "--ks-pass", "pass:secret", "--out", &out, "aligned.apk"]);
    std::fs::remove_file(folder.join(format!("{out}.idsig"))).unwrap_or_default();
}

/// nginx with the example's configuration, on a port of its own.
pub(crate) struct Nginx {
    child: Child,
    folder: Folder,
    pub(crate) port: u16,
}

impl Nginx {
    /// Serves `fdroid` below `root`.
    pub(crate) fn start(root: &Path) -> Self {
        Self::at(root, free_port())
    }

    pub(crate) fn at(root: &Path, port: u16) -> Self {
        Self::listening(root, port, "")
    }

    /// As a server that answers whole files only.
    pub(crate) fn without_ranges(root: &Path) -> Self {
        Self::listening(root, free_port(), "; max_ranges 0")
    }

    /// Over TLS, with `own.pem` and `own.key` of this folder.
    pub(crate) fn tls(root: &Path, keys: &Path) -> Self {
        let keys = keys.display();
        Self::listening(
            root,
            free_port(),
            &format!(" ssl; ssl_certificate {keys}/own.pem; ssl_certificate_key {keys}/own.key"),
        )
    }

    fn listening(root: &Path, port: u16, how: &str) -> Self {
        let folder = Folder::new();
        let conf = std::fs::read_to_string(format!("{EXAMPLE}/nginx.conf")).expect("the example");
        let own = conf.replace("127.0.0.1:8080", &format!("127.0.0.1:{port}{how}"));
        let own = own.replace("root .;", &format!("root {};", root.display()));
        assert_ne!(conf, own);
        folder.write("nginx.conf", &own);
        std::fs::create_dir_all(folder.path().join("tmp")).expect("a folder");
        let program = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
        let child = Command::new(program)
            .args(["-p", &folder.path().display().to_string(), "-c", "nginx.conf"])
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx starts");
        wait_for(port);
        Self { child, folder, port }
    }

    /// The URL of the repository.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/fdroid/repo", self.port)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its workers when asked, not when killed.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(asked.is_ok_and(|status| status.success()), "{}", self.folder.path().display());
        self.child.wait().expect("it ends");
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

pub(crate) fn wait_for(port: u16) {
    for _ in 0..200 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("nobody listens on {port}");
}

/// A connection from an address of our choice.
pub(crate) fn connect(from: Ipv4Addr, port: u16) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from((from, 0)).into()).expect("an address of the loopback");
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).expect("it listens");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("set");
    stream
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Lower-case names and values, in order, without those of one connection.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> String {
        let values: Vec<&str> =
            self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect();
        values.join(", ")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One request from an address, with more header lines (each ending in CRLF).
pub(crate) fn ask(from: Ipv4Addr, port: u16, method: &str, path: &str, lines: &str) -> Answer {
    let mut stream = connect(from, port);
    let head = format!("{method} {path} HTTP/1.1\r\nhost: store.example\r\nconnection: close\r\n{lines}\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("answered");
    parse(&bytes)
}

pub(crate) fn get(from: Ipv4Addr, port: u16, path: &str) -> Answer {
    ask(from, port, "GET", path, "")
}

fn parse(bytes: &[u8]) -> Answer {
    let cut = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let (head, body) = bytes.split_at(cut);
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let mut headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut body = body.get(4..).unwrap_or_default().to_vec();
    if headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked") {
        body = dechunk(&body);
    }
    headers.retain(|(name, _)| !["date", "connection", "transfer-encoding", "keep-alive"].contains(&name.as_str()));
    headers.sort();
    Answer { status: status.expect("a status"), headers, body }
}

fn dechunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
        let (size, after) = rest.split_at(line);
        let size = usize::from_str_radix(std::str::from_utf8(size).expect("hex"), 16).expect("hex");
        let after = after.get(2..).unwrap_or_default();
        let Some((chunk, next)) = after.split_at_checked(size).filter(|_| size > 0) else { break };
        body.extend_from_slice(chunk);
        rest = next.get(2..).unwrap_or_default();
    }
    body
}

/// Passes every connection on from an address of our choice, for clients that cannot choose theirs. It ends with the
/// test process.
pub(crate) fn relay(from: Ipv4Addr, port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let own = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = connect(from, port);
            for (mut read, mut write) in
                [(client.try_clone().expect("a handle"), server.try_clone().expect("a handle")), (server, client)]
            {
                std::thread::spawn(move || {
                    let _passed = std::io::copy(&mut read, &mut write).is_ok();
                    let _closed = write.shutdown(std::net::Shutdown::Write).is_ok();
                });
            }
        }
    });
    own
}
