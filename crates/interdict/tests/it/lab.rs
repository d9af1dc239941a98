//! A laboratory on the loopback: the example configurations of `examples/host` with ports and folders of their own, an
//! origin behind, clients in three territories, and law that begins and ends within the test.

#![expect(clippy::disallowed_methods, reason = "the laboratory waits for programs that have clocks of their own")]

use crate::program::Folder;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where a client stands, by `examples/host/networks.txt`.
pub(crate) const US: &str = "127.1.0.1";
pub(crate) const CANADA: &str = "127.2.0.1";
pub(crate) const PUERTO_RICO: &str = "127.3.0.1";
pub(crate) const ANONYMISER: &str = "127.4.0.1";
pub(crate) const NOWHERE: &str = "127.5.0.1";

/// Nothing here takes as long; a machine that is busy with other things may.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How long every answer is the same before it is taken for everybody's.
const SETTLED: Duration = Duration::from_millis(500);

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A proxy that can be put in front of the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proxy {
    Nginx,
    Caddy,
    Envoy,
    Haproxy,
    Squid,
}

impl Proxy {
    fn word(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Envoy => "envoy",
            Self::Haproxy => "haproxy",
            Self::Squid => "squid",
        }
    }

    fn configuration(self) -> &'static str {
        match self {
            Self::Nginx => "nginx.conf",
            Self::Caddy => "Caddyfile",
            Self::Envoy => "envoy.yaml",
            Self::Haproxy => "haproxy.cfg",
            Self::Squid => "squid.conf",
        }
    }

    /// The program, or `None` with a word about it. On the build machine it must be there.
    pub(crate) fn program(self) -> Option<PathBuf> {
        let found = match self {
            Self::Envoy => {
                let tools = root().join("target/tools/lib");
                let folders = std::fs::read_dir(tools).ok().into_iter().flatten().flatten();
                folders.map(|folder| folder.path().join("site-packages/envoy/_bin/envoy")).find(|path| path.exists())
            }
            Self::Nginx | Self::Caddy | Self::Haproxy | Self::Squid => {
                ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin"]
                    .iter()
                    .map(|folder| Path::new(folder).join(self.word()))
                    .find(|path| path.exists())
            }
        };
        if found.is_none() {
            assert!(std::env::var_os("CI").is_none(), "{} is not installed", self.word());
            eprintln!("skipped: {} is not installed", self.word());
        }
        found
    }
}

/// Everything that runs for one test; all of it ends with it.
pub(crate) struct Lab {
    pub(crate) folder: Folder,
    proxy: Proxy,
    ports: [u16; 4],
    running: Vec<Child>,
    interdict: Option<Child>,
    said: Arc<Mutex<String>>,
    over: Arc<AtomicBool>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()).expect("before 292e9")
}

/// Four ports nobody uses: below those that clients are given, and no other laboratory's of this run.
fn ports() -> [u16; 4] {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let free = || {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 12_000 + (std::process::id() * 64 + step) % 20_000;
        let port = u16::try_from(port).expect("below 32,000");
        TcpListener::bind(("127.0.0.1", port)).ok().map(|_free| port)
    };
    [(); 4].map(|()| (0..1_000).find_map(|_| free()).expect("a port"))
}

impl Lab {
    /// Lays the laboratory out: configurations, law, origin.
    pub(crate) fn new(proxy: Proxy) -> Self {
        Self::with(proxy, proxy.configuration())
    }

    /// The same where the proxy asks nobody.
    pub(crate) fn by_tables(proxy: Proxy) -> Self {
        let configuration = match proxy {
            Proxy::Caddy => "Caddyfile.tables",
            Proxy::Envoy => "envoy.tables.yaml",
            Proxy::Nginx => "nginx.tables.conf",
            Proxy::Haproxy | Proxy::Squid => panic!("they never ask"),
        };
        Self::with(proxy, configuration)
    }

    fn with(proxy: Proxy, configuration: &str) -> Self {
        let ports = ports();
        let lab = Self {
            folder: Folder::new(),
            proxy,
            ports,
            running: Vec::new(),
            interdict: None,
            said: Arc::default(),
            over: Arc::default(),
        };
        for folder in ["run", "var/log/nginx", "var/log/squid", "var/lib/nginx", "var/spool/squid", "etc/squid/errors"]
        {
            std::fs::create_dir_all(lab.folder.path().join(folder)).expect("a folder");
        }
        std::fs::create_dir_all(lab.folder.path().join("run/haproxy")).expect("a folder");
        let template = std::fs::read_to_string(root().join("examples/host/squid/ERR_INTERDICT")).expect("a page");
        lab.folder.write("etc/squid/errors/ERR_INTERDICT", &template);
        lab.folder.write("networks.txt", &lab.example("networks.txt"));
        let place = format!("etc/{}/{}", proxy.word(), proxy.configuration());
        lab.folder.write(&place, &lab.example(configuration));
        lab.folder.write("interdict.toml", &lab.settings(""));
        lab.folder.write("law/subjects/all.subject", SUBJECTS);
        // Squid and the workers of nginx give their rights up before they read.
        let opened = Command::new("chmod").args(["-R", "a+rwX"]).arg(lab.folder.path()).status();
        assert!(opened.expect("chmod runs").success());
        lab.origin();
        lab
    }

    /// An example file with this laboratory's ports and folders.
    fn example(&self, name: &str) -> String {
        let text = std::fs::read_to_string(root().join("examples/host").join(name)).expect("an example");
        let [edge, origin, interdict, admin] = self.ports;
        let folder = self.folder.path().display().to_string();
        let mut text = text
            .replace("8080", &edge.to_string())
            .replace("8090", &origin.to_string())
            .replace("8643", &interdict.to_string())
            .replace("2019", &admin.to_string())
            .replace("/usr/bin/interdict", env!("CARGO_BIN_EXE_interdict"));
        // A machine under test may be slower than any edge; a service that is gone is noticed at once all the same, and
        // whoever waits for one that hangs waits longer than anybody here.
        for (theirs, ours) in [
            ("proxy_connect_timeout 100ms", "proxy_connect_timeout 60s"),
            ("proxy_read_timeout 200ms", "proxy_read_timeout 60s"),
            (" timeout: 0.2s", " timeout: 60s"),
            ("connect_timeout: 0.1s", "connect_timeout: 60s"),
            ("dial_timeout 100ms", "dial_timeout 60s"),
            ("response_header_timeout 200ms", "response_header_timeout 60s"),
        ] {
            text = text.replace(theirs, ours);
        }
        for below in ["/etc/", "/run/", "/var/"] {
            text = text.replace(below, &format!("{folder}{below}"));
        }
        text
    }

    /// The settings with this laboratory's proxy alone, and `more` after them.
    fn settings(&self, more: &str) -> String {
        let text = self.example("interdict.toml").replace("every_seconds = 10", "every_seconds = 1");
        let (text, canaries) = text.split_once("# Asks a gate").expect("canaries");
        let mut parts = text.split("[[maps]]\n");
        let head = parts.next().expect("a head");
        let wanted = format!("for = \"{}\"", self.proxy.word());
        let maps: String =
            parts.filter(|part| part.starts_with(&wanted)).map(|part| format!("[[maps]]\n{part}")).collect();
        assert!(!maps.is_empty(), "{wanted} is in the example");
        format!("{head}{maps}\n# Asks a gate{canaries}\n{more}")
    }

    /// Puts the gate into this mode.
    pub(crate) fn mode(&self, mode: &str) {
        self.folder.write("interdict.toml", &self.settings("").replace("\"enforce\"", &format!("\"{mode}\"")));
    }

    /// Adds to the settings.
    pub(crate) fn set(&self, more: &str) {
        self.folder.write("interdict.toml", &self.settings(more));
    }

    /// A gate that refuses everybody, as a careless rule does.
    pub(crate) fn careless(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let over = Arc::clone(&self.over);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let mut stream = stream;
                let mut asked = [0; 4096];
                if stream.read(&mut asked).is_ok()
                    && stream.write_all(b"HTTP/1.1 451 No\r\ncontent-length: 0\r\n\r\n").is_err()
                {
                    return;
                }
            }
        });
        port
    }

    /// Puts an order in the folder of law, in force from and until these instants.
    pub(crate) fn order(&self, from: i64, until: i64) {
        let [from, until] = [from, until].map(docket::moment::format_rfc3339);
        let text = format!(
            r#"instrument zz {{
  title "An order" ; jurisdiction US ; rank agency ; authority "An agency" ; zone UTC
  issued 2020-01-01 ; public 2020-01-01 ; evidence seen ; source "https://example.org/"
  prohibit 1 from {from} until {until} {{ app brook ; act host.provide ; actor business ; users-in US }}
}}
"#
        );
        self.folder.write("law/orders/zz.order", &text);
    }

    /// A court suspends the order from now on, or no longer.
    pub(crate) fn stay(&self, stayed: bool) {
        let text = r#"instrument yy {
  title "A stay" ; jurisdiction US ; rank court ; authority "A court" ; zone UTC
  issued 2020-01-02 ; public 2020-01-02 ; evidence seen ; source "https://example.org/"
  suspend pi from 2020-01-02 { target zz 1 ; reach nationwide ; binds government }
}
"#;
        if stayed {
            self.folder.write("law/orders/yy.order", text);
        } else {
            std::fs::remove_file(self.folder.path().join("law/orders/yy.order")).expect("it was there");
        }
    }

    fn words(&self) -> [String; 2] {
        [String::from("--corpus"), self.folder.path().join("law").display().to_string()]
    }

    fn toml(&self) -> String {
        self.folder.path().join("interdict.toml").display().to_string()
    }

    /// Writes the tables, as is done before a proxy starts.
    pub(crate) fn write_tables(&self) {
        let written = Command::new(env!("CARGO_BIN_EXE_interdict"))
            .args(self.words())
            .args(["agent", "--write", "--settings", &self.toml()])
            .output()
            .expect("it runs");
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    }

    /// Starts Interdict and waits until the gate is open.
    pub(crate) fn interdict(&mut self) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_interdict"))
            .args(self.words())
            .args(["serve", "--listen", "127.0.0.1:0", "--settings", &self.toml()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let streams: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().expect("a pipe")), Box::new(child.stderr.take().expect("a pipe"))];
        for stream in streams {
            let said = Arc::clone(&self.said);
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let mut said = said.lock().expect("not poisoned");
                    said.push_str(&line);
                    said.push('\n');
                }
            });
        }
        self.interdict = Some(child);
        self.hears("metrics ");
    }

    /// What Interdict has said so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("not poisoned").clone()
    }

    pub(crate) fn hears(&self, words: &str) {
        self.until(&format!("Interdict says {words}"), || self.said().contains(words));
    }

    /// Asks Interdict itself.
    pub(crate) fn ask(&self, path: &str) -> (u16, String) {
        let said = self.said();
        let line = said.lines().find_map(|line| line.strip_prefix("console   http://")).expect("an address");
        let address = line.trim_end_matches('/').parse().expect("an address");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let got = exchange("127.0.0.1", address, &request).expect("it answers");
        (got.status, got.body)
    }

    /// Ends Interdict as a crash does.
    pub(crate) fn kill(&mut self) {
        let mut child = self.interdict.take().expect("it runs");
        child.kill().expect("killed");
        child.wait().expect("gone");
    }

    /// Stops Interdict where it is: its sockets stay open, and nobody answers.
    pub(crate) fn freeze(&self) {
        let child = self.interdict.as_ref().expect("it runs");
        let asked = Command::new("kill").args(["-STOP", &child.id().to_string()]).status();
        assert!(asked.expect("kill runs").success());
    }

    /// Starts the proxy and waits until it serves.
    pub(crate) fn proxy(&mut self, program: &Path) {
        let place = format!("etc/{}/{}", self.proxy.word(), self.proxy.configuration());
        let configuration = self.folder.path().join(place).display().to_string();
        let words: &[&str] = match self.proxy {
            Proxy::Nginx => &["-g", "daemon off;", "-c", &configuration],
            Proxy::Caddy => &["run", "--adapter", "caddyfile", "--config", &configuration],
            Proxy::Envoy => &["--disable-hot-restart", "--concurrency", "1", "-l", "warning", "-c", &configuration],
            Proxy::Haproxy => &["-db", "-f", &configuration],
            Proxy::Squid => &["-N", "-f", &configuration],
        };
        let log = std::fs::File::create(self.folder.path().join("proxy.log")).expect("a log");
        let child = Command::new(program)
            .args(words)
            .env("HOME", self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("it starts");
        self.running.push(child);
        self.until("the proxy serves", || self.try_get(CANADA, "notes.example").is_some_and(|got| got.status == 200));
    }

    /// A server that answers everything.
    fn origin(&self) {
        let listener = TcpListener::bind(("127.0.0.1", self.ports[1])).expect("a port");
        let over = Arc::clone(&self.over);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
                    let mut line = String::new();
                    while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
                        if line == "\r\n" {
                            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\norigin";
                            if (&stream).write_all(answer.as_bytes()).is_err() {
                                return;
                            }
                        }
                        line.clear();
                    }
                });
            }
        });
    }

    /// Asks the proxy for a host with more header lines, each with its end.
    pub(crate) fn get_with(&self, from: &str, host: &str, lines: &str) -> Got {
        let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{lines}\r\n");
        let got = exchange(from, SocketAddr::from(([127, 0, 0, 1], self.ports[0])), &request);
        got.unwrap_or_else(|| panic!("no answer for {host} to {from}: {}", self.logs()))
    }

    /// Asks the proxy for a host, from an address.
    pub(crate) fn get(&self, from: &str, host: &str) -> Got {
        self.try_get(from, host).unwrap_or_else(|| panic!("no answer for {host} to {from}: {}", self.logs()))
    }

    pub(crate) fn try_get(&self, from: &str, host: &str) -> Option<Got> {
        let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        exchange(from, SocketAddr::from(([127, 0, 0, 1], self.ports[0])), &request)
    }

    /// The statuses of a host for the United States, Puerto Rico, Canada, an anonymiser and nowhere known.
    pub(crate) fn statuses(&self, host: &str) -> [u16; 5] {
        [US, PUERTO_RICO, CANADA, ANONYMISER, NOWHERE].map(|from| self.get(from, host).status)
    }

    /// Waits until something holds; how long it took.
    pub(crate) fn until(&self, what: &str, holds: impl Fn() -> bool) -> Duration {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < PATIENCE, "{:?}: not in time: {what}\n{}", self.proxy, self.logs());
            std::thread::sleep(Duration::from_millis(20));
        }
        start.elapsed()
    }

    /// Waits until something holds for everybody; how long that took. A proxy that reads its files again answers with its
    /// old and its new workers side by side for a moment (nginx for a tenth of a second), so one answer is not enough.
    pub(crate) fn settles(&self, what: &str, holds: impl Fn() -> bool) -> Duration {
        let start = Instant::now();
        let mut since = None;
        loop {
            since = holds().then(|| since.unwrap_or_else(Instant::now));
            match since {
                Some(since) if since.elapsed() >= SETTLED => return since - start,
                Some(_) => {}
                None => assert!(start.elapsed() < PATIENCE, "{:?}: not in time: {what}\n{}", self.proxy, self.logs()),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What everybody said, for a test that fails.
    pub(crate) fn logs(&self) -> String {
        let mut logs = self.said();
        for name in ["proxy.log", "var/log/nginx/error.log", "var/log/squid/cache.log"] {
            let text = std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
            let tail: Vec<&str> = text.lines().rev().take(25).collect();
            logs.push_str(&format!("── {name}\n"));
            for line in tail.iter().rev() {
                logs.push_str(&format!("{line}\n"));
            }
        }
        logs
    }
}

/// One request from an address of our choice.
pub(crate) fn exchange(from: &str, to: SocketAddr, request: &str) -> Option<Got> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).ok()?;
    let from: SocketAddr = format!("{from}:0").parse().expect("an address");
    socket.bind(&from.into()).ok()?;
    socket.connect(&to.into()).ok()?;
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.get(9..12).and_then(|code| code.parse().ok())?;
    Some(Got { status, head: head.to_ascii_lowercase(), body: body.to_owned() })
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for child in self.running.iter_mut().chain(&mut self.interdict) {
            // Squid and nginx end their children only if they are asked to.
            let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
            let start = Instant::now();
            while asked.is_ok() && matches!(child.try_wait(), Ok(None)) && start.elapsed() < Duration::from_secs(5) {
                std::thread::sleep(Duration::from_millis(20));
            }
            if matches!(child.try_wait(), Ok(None)) {
                child.kill().expect("killed");
                child.wait().expect("gone");
            }
        }
    }
}

/// A known app with two domains, one of them shared, and another that nobody orders anything about.
const SUBJECTS: &str = r#"app brook { name "Brook" ; domain brook.example ; domain exact.example exact ; domain shared.example shared ; evidence seen ; source "https://example.org/" }
app creek { name "Creek" ; domain creek.example ; domain partner.brook.example ; evidence seen ; source "https://example.org/" }
"#;
