//! Witnesses over HTTP (C2SP tlog-witness), as other organisations would run them: sixty-four that ask at once, a
//! history that another one was signed over, and a log that publishes with two of three.

use crate::authority::{Front, vouched};
use crate::program::{Folder, Serving, run};
use crate::repository::has;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Barrier};
use tlog::note::{Kind, Note, SigningKey, VerifierKey};
use tlog::tree::{self, consistency_spans};
use tlog::witness::AddCheckpoint;
use tlog::{Checkpoint, Hash};

/// Requests that come at once.
const AT_ONCE: u64 = 64;

/// A witness that runs.
pub(crate) struct Witness {
    child: Child,
    pub(crate) address: String,
    pub(crate) key: String,
}

impl Witness {
    pub(crate) fn start(folder: &Folder, name: &str, logs: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", folder, name, logs)
    }

    /// The same where it listened before.
    pub(crate) fn start_at(listen: &str, folder: &Folder, name: &str, logs: &[&str]) -> Self {
        let secret = folder.path().join(format!("{name}.key")).display().to_string();
        if !std::path::Path::new(&secret).exists() {
            let made = run(&["log", "key", &format!("{name}.example/witness"), "--witness", "-o", &secret], b"");
            assert_eq!(made.code, 0, "{}", made.err);
        }
        let state = folder.path().join(format!("{name}-state")).display().to_string();
        let mut words = vec!["log", "witness", "--key", &secret, "--state", &state, "--listen", listen];
        logs.iter().for_each(|log| words.extend(["--log", *log]));
        let mut child = Command::new(env!("CARGO_BIN_EXE_interdict"))
            .args(&words)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the witness starts");
        let mut said = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut after = |word: &str| {
            let line = said.next().expect("it says").expect("readable");
            line.strip_prefix(word).expect("what it says").trim().to_owned()
        };
        let url = after("witness");
        let address = url.trim_start_matches("http://").trim_end_matches("/add-checkpoint").to_owned();
        Self { child, address, key: after("key") }
    }

    fn add(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let head = format!(
            "POST /add-checkpoint HTTP/1.1\r\nhost: w\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            request.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(request.as_bytes())).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.get(9..12).and_then(|code| code.parse().ok()).expect("a status");
        (status, body.to_owned())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }
}

fn key() -> SigningKey {
    SigningKey::from_seed("log.example/dec/1", Kind::Text, &[7; 32]).expect("a key")
}

fn leaves(size: u64, salt: u8) -> Vec<Hash> {
    (0..size).map(|number| Hash::leaf(&[&number.to_le_bytes()[..], &[salt]].concat())).collect()
}

/// A request of a log whose history is told apart by `salt`.
fn request(old: u64, new: u64, salt: u8) -> String {
    let leaves = leaves(new, salt);
    let place = |at: u64| usize::try_from(at).expect("small");
    let span = |from, to| tree::root(leaves.get(place(from)..place(to)).expect("inside the tree"));
    let consistency = consistency_spans(old, new).into_iter().map(|part| span(part.start, part.end)).collect();
    let text =
        Checkpoint { origin: key().public().name().to_owned(), size: new, root: tree::root(&leaves) }.to_string();
    let checkpoint = Note { signatures: vec![key().sign(&text, 0)], text };
    AddCheckpoint { old_size: old, consistency, checkpoint }.to_string()
}

#[test]
fn sixty_four_at_once_roll_nothing_back_and_no_second_history_is_signed() {
    let folder = Folder::new();
    let log = key().public().to_string();
    let witness = Witness::start(&folder, "one", &[&log]);
    assert_eq!(witness.add(&request(0, 10, 0)).0, 200);
    // All start from ten: one is first, whichever, and the others are told where the log is.
    let answers: Vec<(u64, u16, String)> = std::thread::scope(|scope| {
        let asking = |new| {
            let witness = &witness;
            scope.spawn(move || {
                let (status, body) = witness.add(&request(10, new, 0));
                (new, status, body)
            })
        };
        let threads: Vec<_> = (11..11 + AT_ONCE).map(asking).collect();
        threads.into_iter().map(|thread| thread.join().expect("answered")).collect()
    });
    let signed: Vec<u64> = answers.iter().filter(|(_, status, _)| *status == 200).map(|(new, ..)| *new).collect();
    assert_eq!(signed.len(), 1, "{answers:?}");
    let size = signed[0];
    for (_, status, body) in answers.iter().filter(|(_, status, _)| *status != 200) {
        assert_eq!((*status, body.trim()), (409, size.to_string().as_str()));
    }
    let known = VerifierKey::parse(&witness.key).expect("its key");
    let cosigned = &answers.iter().find(|(_, status, _)| *status == 200).expect("one").2;
    let signatures = Note::parse_signatures(cosigned.as_bytes()).expect("signatures");
    assert!(signatures.len() == 1 && known.made(&signatures[0]));

    let mut statuses = BTreeMap::new();
    for (name, body) in [
        ("another history of the same size", request(size, size, 1)),
        ("another history that is longer", request(size, size + 9, 1)),
        ("an old copy", request(5, 10, 0)),
        ("the same again", request(size, size, 0)),
        ("no request", String::from("old 1\n")),
    ] {
        statuses.insert(name, witness.add(&body).0);
    }
    let expected = [
        ("an old copy", 409),
        ("another history of the same size", 409),
        ("another history that is longer", 422),
        ("no request", 400),
        ("the same again", 200),
    ];
    assert_eq!(statuses, expected.into());

    // Killed and started again, it knows what it signed.
    drop(witness);
    let witness = Witness::start(&folder, "one", &[&log]);
    assert_eq!(witness.add(&request(size, size + 1, 1)).0, 422);
    assert_eq!(witness.add(&request(10, size + 1, 0)), (409, format!("{size}\n")));
    assert_eq!(witness.add(&request(size, size + 1, 0)).0, 200);
    let other = SigningKey::from_seed("other.example/dec/1", Kind::Text, &[9; 32]).expect("a key").public().to_string();
    let stranger = Witness::start(&folder, "two", &[&other]);
    assert_eq!(stranger.add(&request(0, 3, 0)).0, 404);
}

fn append(home: &str, lines: &str) -> (i32, String) {
    let ran = run(&["log", "append", home], lines.as_bytes());
    (ran.code, format!("{}{}", ran.out, ran.err))
}

/// A new log in `log`, and its keys.
pub(crate) fn log(name: &str) -> (Folder, String, [String; 2]) {
    let folder = Folder::new();
    let home = folder.path().join("log").display().to_string();
    assert_eq!(run(&["log", "new", &home, "--name", name], b"").code, 0);
    let vkey = |log: &str| {
        let path = folder.path().join(format!("log/{log}/public/vkey"));
        std::fs::read_to_string(path).expect("a key").trim().to_owned()
    };
    let keys = ["gov", "dec"].map(vkey);
    (folder, home, keys)
}

#[test]
fn two_of_three_witnesses_are_a_quorum_and_one_is_not() {
    let (folder, home, [gov, dec]) = log("log.example/witnessed");
    let mut witnesses: Vec<Witness> =
        ["a", "b", "c"].iter().map(|name| Witness::start(&folder, name, &[&gov, &dec])).collect();
    let mut policy = format!("log {gov}\nlog {dec}\n");
    for (name, witness) in ["a", "b", "c"].iter().zip(&witnesses) {
        policy.push_str(&format!("witness {name} {} http://{}\n", witness.key, witness.address));
    }
    policy.push_str("group most 2 a b c\nquorum most\n");
    let policy = folder.write("log/policy", &policy);
    let public = format!("{home}/dec/public");
    let fsck = || run(&["log", "fsck", &public, "--policy", &policy], b"").code;

    assert_eq!(append(&home, "one\ntwo\n").0, 0);
    assert_eq!(fsck(), 0, "three signed");
    drop(witnesses.pop());
    assert_eq!(append(&home, "three\n").0, 0);
    assert_eq!(fsck(), 0, "two signed");
    drop(witnesses.pop());
    assert_eq!(append(&home, "four\n").0, 0, "it is durable and published all the same");
    assert_eq!(fsck(), 7, "one signed");

    // A service that goes on without them says so, and decides.
    let mut serving = Serving::start_with(&[], &["--log", &home]);
    let told = serving.complains("is published and not signed by");
    assert!(told.contains("the witness b.example/witness") || told.contains("the witness c.example/witness"), "{told}");
    assert_eq!(serving.get("/healthz").0, 200);
}

#[test]
fn a_witness_whose_key_is_lost_or_in_other_hands_is_replaced_and_what_was_signed_before_still_verifies() {
    let (folder, home, [gov, dec]) = log("log.example/rotated");
    let start = |name| Witness::start(&folder, name, &[&gov, &dec]);
    let (a, b, c) = (start("a"), start("b"), start("c"));
    let written = |name: &str, witnesses: &[(&str, &Witness)]| {
        let lines = witnesses
            .iter()
            .map(|(name, witness)| format!("witness {name} {} http://{}\n", witness.key, witness.address));
        let names: Vec<&str> = witnesses.iter().map(|(name, _)| *name).collect();
        let lines: String = lines.collect();
        let policy = format!("log {gov}\nlog {dec}\n{lines}group most 2 {}\nquorum most\n", names.join(" "));
        folder.write("log/policy", &policy);
        folder.write(name, &policy)
    };
    let before = written("before", &[("a", &a), ("b", &b), ("c", &c)]);
    let public = format!("{home}/dec/public");
    let fsck = |policy: &str| run(&["log", "fsck", &public, "--policy", policy], b"").code;
    let prove = |index: &str, policy: &str| {
        let proof = folder.path().join(index).display().to_string();
        let proven = run(&["log", "prove", &public, index, "--policy", policy, "-o", &proof], b"");
        assert_eq!(proven.code, 0, "{}", proven.err);
        proof
    };
    let verify = |proof: &str, policy: &str| {
        run(&["log", "verify", proof, &format!("{proof}.entry"), "--policy", policy], b"").code
    };
    assert_eq!(append(&home, "one\ntwo\n").0, 0);
    let first = prove("0", &before);
    let words = run(&["log", "verify", &first, &format!("{first}.entry"), "--policy", &before], b"").out;
    let open = words.split_once("it does not prove").map(|(_, open)| open).unwrap_or_default();
    assert!(words.contains("that the witness a.example/witness saw this state of the log at 2"), "{words}");
    assert!(!open.contains("everybody the same"), "that is what witnesses are for: {words}");

    // Lost: the others are a quorum, whoever appends is told who is missing, and a new key begins where the log is.
    drop(c);
    let (code, said) = append(&home, "three\n");
    assert!(code == 0 && said.contains("not signed by") && said.contains("c.example/witness"), "{said}");
    let d = start("d");
    let after = written("after", &[("a", &a), ("b", &b), ("d", &d)]);
    let (code, said) = append(&home, "four\n");
    assert!(code == 0 && !said.contains("not signed by"), "{said}");
    assert_eq!((fsck(&after), verify(&first, &after), verify(&first, &before)), (0, 0, 0));
    // The new one counts like any other.
    drop(a);
    assert_eq!(append(&home, "five\n").0, 0);
    assert_eq!((fsck(&after), fsck(&before)), (0, 7), "whoever still asks for the lost one is told");

    // In other hands: out of the policy with it, and what it signs alone with one that is left is no quorum.
    let e = start("e");
    let clean = written("clean", &[("b", &b), ("e", &e), ("f", &start("f"))]);
    let last = prove("4", &after);
    assert_eq!((verify(&last, &after), verify(&last, &clean)), (0, 7), "b and d signed it, and d is trusted no more");
    assert_eq!(append(&home, "six\n").0, 0);
    assert_eq!((fsck(&clean), verify(&first, &before)), (0, 0));
    let serving = Serving::start_with(&[], &["--log", &home]);
    assert_eq!(serving.stop(), Some(0));
    let cat = run(&["log", "cat", &format!("{home}/gov"), "--count", "99", "--key", &gov], b"");
    assert!(cat.out.contains("\"witnesses\""), "the gov log says who witnesses it: {}{}", cat.out, cat.err);
}

/// Answers every request the same, after it has waited.
fn stranger(answer: &'static str, wait: impl Fn() + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, wait) = (stream.expect("a connection"), wait.clone());
            std::thread::spawn(move || {
                let _asked = stream.read(&mut [0; 16 * 1024]).is_ok();
                wait();
                stream.write_all(answer.as_bytes()).is_ok()
            });
        }
    });
    address
}

#[test]
fn witnesses_that_lie_or_never_answer_hold_up_no_log_that_enough_others_sign() {
    let (folder, home, [gov, dec]) = log("log.example/held");
    let honest = ["a", "b"].map(|name| Witness::start(&folder, name, &[&gov, &dec]));
    let liar = "HTTP/1.1 409 Conflict\r\ncontent-length: 8\r\nconnection: close\r\n\r\n9999999\n";
    let broken = "HTTP/1.1 500 Broken\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    // Neither of these answers before both are asked: whoever asks one after the other has no answer of the first.
    let both = Arc::new(Barrier::new(2));
    let other = Arc::clone(&both);
    let strangers = [
        stranger(liar, || ()),
        stranger("", std::thread::park),
        stranger(broken, move || _ = both.wait()),
        stranger(broken, move || _ = other.wait()),
    ];
    let mut lines = format!("log {gov}\nlog {dec}\n");
    for (name, witness) in ["a", "b"].iter().zip(&honest) {
        lines.push_str(&format!("witness {name} {} http://{}\n", witness.key, witness.address));
    }
    for (name, address) in ["c", "d", "e", "f"].iter().zip(&strangers) {
        let secret = folder.path().join(format!("{name}.key")).display().to_string();
        let made = run(&["log", "key", &format!("{name}.example"), "--witness", "-o", &secret, "--json"], b"").json();
        lines.push_str(&format!("witness {name} {} http://{address}\n", made["key"].as_str().expect("a key")));
    }
    folder.write("log/policy", &format!("{lines}group most 2 a b c d e f\nquorum most\n"));
    let (code, said) = append(&home, "one\n");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("not signed by the witness c.example, which knows another history"), "{said}");
    assert!(said.contains("the witness d.example: not available") && said.matches("timeout").count() == 1, "{said}");
    assert_eq!(said.matches("status 500").count(), 2, "{said}");
    // Where it is needed for a quorum, what it claims stops the log: it may be true.
    folder.write("log/policy", &format!("{lines}group all3 3 a b c\nquorum all3\n"));
    let (code, said) = append(&home, "two\n");
    assert!(code == 6 && said.contains("the witness c.example knows another history of this log"), "{said}");
}

#[test]
fn a_witness_over_tls_is_asked_if_an_authority_vouches_for_it() {
    if !has(&["nginx", "openssl"]) {
        return;
    }
    let (folder, home, [gov, dec]) = log("log.example/witnessed");
    let witness = Witness::start(&folder, "a", &[&gov, &dec]);
    let (keys, strangers) = (vouched("IP:127.0.0.1"), vouched("IP:127.0.0.1"));
    let front = Front::start(&keys, &witness.address);
    let policy = format!("log {gov}\nlog {dec}\nwitness a {} {}\nquorum a\n", witness.key, front.url);
    let policy = folder.write("log/policy", &policy);
    let append = |trusted: &Folder| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_interdict"))
            .args(["log", "append", &home])
            .env("SSL_CERT_FILE", trusted.path().join("ca.pem"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        child.stdin.take().expect("a pipe").write_all(b"one\n").expect("written");
        let ended = child.wait_with_output().expect("it ends");
        assert!(ended.status.success(), "it is durable and published all the same");
        let said = [ended.stdout, ended.stderr].concat();
        (run(&["log", "fsck", &format!("{home}/dec/public"), "--policy", &policy], b"").code, said)
    };
    let (code, said) = append(&strangers);
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(code == 7 && said.contains("invalid peer certificate"), "{code}: {said}");
    assert_eq!(append(&keys).0, 0);
}
