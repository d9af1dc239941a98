//! A log copied into a bucket of a store that nobody here wrote and that checks every signature; strangers read it there.
//! A store that does not answer keeps nobody from recording.

use crate::authority::{Front, vouched};
use crate::log_service::{Log, ask, until};
use crate::program::{Folder, Ran, run, tool};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Requests that the store takes before it asks who they are from: those that make the user and the bucket.
const PREPARING: &str = "5";

/// Makes a user who may put objects, and a bucket whose policy lets everybody, so that the test can read and damage it
/// as a stranger; a signature that is there must be right all the same. Prints the user's key as the tools write it.
const PREPARE: &str = r#"
import boto3, json, sys
to = dict(endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
def policy(**more):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **more}]})
iam, s3 = boto3.client("iam", **to), boto3.client("s3", **to)
iam.create_user(UserName="log")
key = iam.create_access_key(UserName="log")["AccessKey"]
iam.put_user_policy(UserName="log", PolicyName="p", PolicyDocument=policy(Action=["s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:DeleteObject"], Resource="*"))
s3.create_bucket(Bucket="transparency")
s3.put_bucket_policy(Bucket="transparency", Policy=policy(Principal="*", Action=["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], Resource="arn:aws:s3:::transparency/*"))
print(f"[default]\naws_access_key_id = {key['AccessKeyId']}\naws_secret_access_key = {key['SecretAccessKey']}")
"#;

/// Decisions that are asked for while the store does not answer; each would hang if it waited for the store.
const ASKED_MEANWHILE: usize = 40;

/// The store, on a port of its own.
struct Store {
    child: Child,
    address: String,
}

impl Store {
    fn start() -> Option<Self> {
        let mut child = Command::new(tool("moto_server")?)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .env("INITIAL_NO_AUTH_ACTION_COUNT", PREPARING)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the store starts");
        let mut said = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        while !line.contains("Running on http://") {
            line.clear();
            assert!(said.read_line(&mut line).expect("readable") > 0, "the store ended before it served");
        }
        let address = line.split("http://").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an address");
        let address = address.to_owned();
        // It tells of each request, and must not wait for a reader.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()).is_ok());
        Some(Self { child, address })
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The file with the key of the user who may put objects.
    fn prepare(&self, folder: &Path) -> String {
        let python = tool("python3").expect("it came with the store");
        let made = Command::new(python).args(["-c", PREPARE, &self.url()]).output().expect("it runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let path = folder.join("credentials");
        fs::write(&path, made.stdout).expect("written");
        path.display().to_string()
    }

    /// From here on it asks nobody who they are: it cannot tell strangers who read from strangers who write.
    fn open(&self) {
        assert_eq!(self.send("POST", "/moto-api/reset-auth", b"1000000").0, 200);
    }

    fn send(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (head.get(9..12).and_then(|code| code.parse().ok()).expect("a status"), body.to_owned())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }
}

/// A log whose signer is started for each command.
fn new_log(folder: &Folder, name: &str) -> String {
    let home = folder.path().join(name).display().to_string();
    let made = run(&["log", "new", &home, "--name", "log.example/copied", "--json"], b"").json();
    assert_eq!(made["folder"], home.as_str(), "{made}");
    assert_eq!(made["keys"]["dec"], key(&home, "dec"), "{made}");
    home
}

fn append(home: &str, to: &str, from: usize, until: usize) {
    let lines: String = (from..until).map(|number| format!("entry {number}\n")).collect();
    let appended = run(&["log", "append", home, "--to", to, "--json"], lines.as_bytes());
    assert_eq!(appended.code, 0, "{}", appended.err);
    let told: Vec<&str> = appended.out.lines().collect();
    assert_eq!((told.len(), told.first().map(|line| line.starts_with('{'))), (until - from, Some(true)), "{told:?}");
}

/// The bucket that is copied to, and where in it.
const TO: &str = "s3://transparency/logs/prod";

fn publish(home: &str, store: &Store, credentials: &str) -> Ran {
    let to = ["--to", TO, "--endpoint", &store.url(), "--credentials", credentials];
    run(&[&["log", "publish", home], &to[..]].concat(), b"")
}

fn key(home: &str, log: &str) -> String {
    fs::read_to_string(format!("{home}/{log}/public/vkey")).expect("a key").trim().to_owned()
}

#[test]
fn strangers_check_a_log_in_a_bucket_and_its_keeper_never_overwrites_another_history() {
    let Some(store) = Store::start() else { return };
    let folder = Folder::new();
    let credentials = store.prepare(folder.path());
    let home = new_log(&folder, "log");
    append(&home, "gov", 0, 3);
    append(&home, "dec", 0, 700);
    let wrong = folder.write(
        "wrong",
        &fs::read_to_string(&credentials).expect("read").replace("secret_access_key = ", "secret_access_key = x"),
    );
    let refused = publish(&home, &store, &wrong);
    assert_eq!(refused.code, 1, "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("SignatureDoesNotMatch"), "{}", refused.err);
    let copied = publish(&home, &store, &credentials);
    assert_eq!(copied.code, 0, "{}{}", copied.out, copied.err);
    assert_eq!(
        copied.out,
        "gov: 3 entries in s3://transparency/logs/prod/gov\ndec: 700 entries in s3://transparency/logs/prod/dec\n"
    );

    let old = folder.path().join("old").display().to_string();
    assert!(Command::new("cp").args(["-r", &home, &old]).status().expect("cp").success());
    append(&home, "dec", 700, 760);
    let again = run(
        &["log", "publish", &home, "--to", TO, "--endpoint", &store.url(), "--credentials", &credentials, "--json"],
        b"",
    )
    .json();
    assert_eq!((&again["gov"]["size"], &again["dec"]["size"]), (&3.into(), &760.into()), "{again}");
    assert_eq!(again["dec"]["to"], format!("{TO}/dec"), "{again}");
    let behind = publish(&old, &store, &credentials);
    assert_eq!(behind.code, 4, "{}{}", behind.out, behind.err);
    assert!(behind.err.contains("it has 760 entries of this log, and there are 700 here"), "{}", behind.err);
    let other = new_log(&folder, "other");
    append(&other, "gov", 0, 9);
    let stranger = publish(&other, &store, &credentials);
    assert_eq!(stranger.code, 4, "{}{}", stranger.out, stranger.err);
    assert!(stranger.err.contains("the log of another key"), "{}", stranger.err);
    // The same key, another history: an old copy of everything, signer included, that went on by itself.
    append(&old, "dec", 900, 1000);
    let forked = publish(&old, &store, &credentials);
    assert_eq!(forked.code, 4, "{}{}", forked.out, forked.err);
    assert!(forked.err.contains("another history of this log"), "{}", forked.err);

    store.open();
    let (base, key) = (format!("{}/transparency/logs/prod", store.url()), key(&home, "dec"));
    let dec = format!("{base}/dec");
    let checked = run(&["log", "verify", &dec, "--key", &key], b"");
    assert_eq!(
        (checked.code, checked.out.as_str()),
        (0, format!("{dec}: sound, 760 entries in 9 files\n").as_str()),
        "{}",
        checked.err
    );
    let both = run(&["log", "fsck", &base], b"");
    assert_eq!((both.code, both.out.lines().count()), (0, 2), "{}{}", both.out, both.err);
    let proof = folder.path().join("proof").display().to_string();
    assert_eq!(run(&["log", "prove", &dec, "701", "--key", &key, "-o", &proof], b"").code, 0);
    assert_eq!(run(&["log", "verify", &proof, &format!("{proof}.entry"), "--key", &key], b"").code, 0);
    assert_eq!(run(&["log", "prove", &dec, "760", "--key", &key, "-o", &proof], b"").code, 1);

    in_the_place_of_another(&store, &home, &credentials);
    over_tls(&store, &key);
    changed_in_the_bucket(&store, &dec, &key);
}

/// What never changes is put where nothing is, and partial tiles go once the whole is there.
fn in_the_place_of_another(store: &Store, home: &str, credentials: &str) {
    let path = |name: &str| format!("/transparency/logs/prod/dec/tile/{name}");
    let found = |name: &str| store.send("GET", &path(name), b"").0;
    assert_eq!(store.send("PUT", &path("entries/002"), b"of somebody else").0, 200);
    append(home, "dec", 760, 800);
    let refused = publish(home, store, credentials);
    assert_eq!(refused.code, 4, "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("dec/tile/entries/002 is there and is another"), "{}", refused.err);
    assert_eq!(store.send("GET", &path("entries/002"), b"").1, "of somebody else");
    assert_eq!((found("entries/002.p/188"), found("0/002.p/248")), (200, 200));
    assert_eq!(store.send("DELETE", &path("entries/002"), b"").0, 204);
    let copied = publish(home, store, credentials);
    assert_eq!((copied.code, copied.err.as_str()), (0, ""), "{}", copied.out);
    let partial = ["entries/002.p/188", "entries/002.p/248", "0/002.p/188", "0/002.p/248"];
    assert_eq!(partial.map(found), [404; 4]);
    assert_eq!(
        (found("entries/002"), found("0/002"), found("entries/003.p/32"), found("1/000.p/3")),
        (200, 200, 200, 200)
    );
}

fn over_tls(store: &Store, key: &str) {
    // Over TLS, from a host that an authority vouches for; and not from one that nobody vouches for.
    let keys = vouched("IP:127.0.0.1");
    let front = Front::start(&keys, &store.address);
    let secure = format!("{}/transparency/logs/prod/dec", front.url);
    let verified = |authority: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_interdict"));
        command.env("SSL_CERT_FILE", keys.path().join(authority)).args(["log", "verify", &secure, "--key", key]);
        command.output().expect("it runs").status.code()
    };
    fs::write(keys.path().join("nobody.pem"), "").expect("written");
    assert_eq!((verified("ca.pem"), verified("nobody.pem")), (Some(0), Some(6)));
}

fn changed_in_the_bucket(store: &Store, dec: &str, key: &str) {
    let path = "/transparency/logs/prod/dec/tile/entries/001";
    let (_, bundle) = store.send("GET", path, b"");
    let changed = bundle.replacen("entry 300", "entry 3oo", 1);
    assert_ne!(changed, bundle);
    assert_eq!(store.send("PUT", path, changed.as_bytes()).0, 200);
    let damaged = run(&["log", "verify", dec, "--key", key], b"");
    assert_eq!(damaged.code, 5, "{}{}", damaged.out, damaged.err);
    assert!(damaged.out.contains("(index 300)"), "{}", damaged.out);
    assert_eq!(store.send("DELETE", path, b"").0, 204);
    let missing = run(&["log", "verify", dec, "--key", key], b"");
    assert_eq!(missing.code, 6, "{}{}", missing.out, missing.err);
}

#[test]
fn a_file_that_is_not_what_was_signed_never_reaches_the_bucket() {
    let Some(store) = Store::start() else { return };
    let folder = Folder::new();
    let credentials = store.prepare(folder.path());
    let home = new_log(&folder, "log");
    append(&home, "dec", 0, 300);
    let bundle = format!("{home}/dec/public/tile/entries/000");
    let mut bytes = fs::read(&bundle).expect("a bundle");
    *bytes.get_mut(1000).expect("a byte") ^= 1;
    fs::write(&bundle, bytes).expect("written");
    let refused = publish(&home, &store, &credentials);
    assert_ne!(refused.code, 0);
    assert!(refused.err.contains("not those that were signed"), "{}", refused.err);
    store.open();
    let found = |path: &str| store.send("GET", &format!("/transparency/logs/prod/dec/{path}"), b"").0;
    assert_eq!((found("tile/entries/000"), found("checkpoint")), (404, 404));
}

#[test]
fn a_document_that_is_not_what_its_name_says_never_reaches_the_bucket() {
    let Some(store) = Store::start() else { return };
    let folder = Folder::new();
    let credentials = store.prepare(folder.path());
    let home = new_log(&folder, "log");
    append(&home, "gov", 0, 3);
    let name = format!("blob/sha256/ab/{}", "ab".repeat(32));
    let path = Path::new(&home).join("gov/public").join(&name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(&path, "another").expect("written");
    let refused = publish(&home, &store, &credentials);
    assert!(refused.code == 6 && refused.err.contains("not what its name says"), "{}{}", refused.code, refused.err);
    store.open();
    let found = |path: &str| store.send("GET", &format!("/transparency/logs/prod/gov/{path}"), b"").0;
    assert_eq!((found(&name), found("checkpoint")), (404, 404));
}

fn settings(log: &Log, endpoint: &str, credentials: &str) -> String {
    let publish = "[log.publish]\nto = \"s3://transparency/served\"";
    log.folder.write("copied.toml", &format!("{publish}\nendpoint = \"{endpoint}\"\ncredentials = \"{credentials}\"\n"))
}

#[test]
fn a_store_that_does_not_answer_holds_up_no_decision_and_gets_all_of_them_later() {
    let Some(store) = Store::start() else { return };
    let log = Log::new();
    let credentials = store.prepare(log.folder.path());
    // One takes connections and says nothing; nobody listens on the other any more.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let mut answered = 0;
    for address in [silent.local_addr().expect("its address"), gone] {
        let serving = log.serve(&["--settings", &settings(&log, &format!("http://{address}"), &credentials)]);
        for number in 0..ASKED_MEANWHILE {
            let index = ask(&serving.address, &format!("{address}-{number}")).expect("an answer");
            assert_eq!(index, answered);
            answered += 1;
        }
        assert_eq!(serving.stop(), Some(0), "{address}: it ends without the store");
    }
    let serving = log.serve(&["--settings", &settings(&log, &store.url(), &credentials)]);
    assert_eq!(ask(&serving.address, "one more"), Some(answered));
    assert_eq!(serving.stop(), Some(0));
    store.open();
    for name in ["gov", "dec"] {
        let ours = fs::read_to_string(log.path(&format!("log/{name}/public/checkpoint"))).expect("a checkpoint");
        let (status, theirs) = store.send("GET", &format!("/transparency/served/{name}/checkpoint"), b"");
        assert_eq!((status, theirs), (200, ours), "{name}: what was published last is copied when the service ends");
        let address = format!("{}/transparency/served/{name}", store.url());
        let checked = run(&["log", "verify", &address, "--key", &log.key(name)], b"");
        assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    }
    assert_eq!(log.size(), answered + 1);
    // The documents of the law, under their digests.
    let blobs = log.path("log/gov/public/blob/sha256");
    let pair = fs::read_dir(&blobs).expect("documents").next().expect("one").expect("readable");
    let name = fs::read_dir(pair.path()).expect("documents").next().expect("one").expect("readable");
    let path = format!("blob/sha256/{}/{}", pair.file_name().display(), name.file_name().display());
    assert_eq!(store.send("GET", &format!("/transparency/served/gov/{path}"), b"").0, 200);
}

#[test]
fn while_a_service_runs_the_copy_follows() {
    let Some(store) = Store::start() else { return };
    let log = Log::new();
    let credentials = store.prepare(log.folder.path());
    let serving = log.serve(&["--settings", &settings(&log, &store.url(), &credentials)]);
    store.open();
    let path = "/transparency/served/dec/checkpoint";
    let mut first = None;
    for number in 0..3 {
        let index = ask(&serving.address, &format!("followed-{number}")).expect("an answer");
        until("the copy", || {
            let (_, checkpoint) = store.send("GET", path, b"");
            checkpoint.lines().nth(1).and_then(|size| size.parse::<u64>().ok()).is_some_and(|size| size > index)
        });
        // Somebody puts an older one back: it is told from the one that was put last, looked at, and replaced.
        let now = store.send("GET", path, b"").1;
        let older = first.get_or_insert(now);
        assert_eq!(store.send("PUT", path, older.as_bytes()).0, 200);
    }
    assert_eq!(serving.stop(), Some(0));
}
