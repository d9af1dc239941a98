//! Witnesses over HTTP (C2SP tlog-witness), as other organisations would run them: sixty-four that ask at once, a
//! history that another one was signed over, and a log that publishes with two of three.

use crate::authority::{Front, vouched};
use crate::log_service::until;
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
        parted(&answer)
    }

    /// What it says it signed last of a log.
    fn signed(&self, origin: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let path = format!("/{}/checkpoint", tlog::witness::origin_hash(origin));
        write!(stream, "GET {path} HTTP/1.1\r\nhost: w\r\nconnection: close\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        parted(&answer)
    }
}

fn parted(answer: &str) -> (u16, String) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.get(9..12).and_then(|code| code.parse().ok()).expect("a status");
    (status, body.to_owned())
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

#[test]
fn a_witness_tells_whoever_watches_what_it_signed_last_and_whose_signature_it_saw() {
    let folder = Folder::new();
    let log = key();
    let witness = Witness::start(&folder, "one", &[&log.public().to_string()]);
    let known = [log.public().clone(), VerifierKey::parse(&witness.key).expect("its key")];
    let told = |witness: &Witness| {
        let (status, body) = witness.signed(log.public().name());
        assert_eq!(status, 200, "{body}");
        let note = Note::parse(body.as_bytes()).expect("a note");
        assert_eq!(note.verify(&known).expect("nothing forged").len(), 2, "{body}");
        assert_eq!(note.signatures.len(), 2, "{body}");
        Checkpoint::parse(&note.text).expect("a checkpoint").size
    };
    assert_eq!(witness.signed(log.public().name()).0, 404, "it has signed nothing");
    assert_eq!(witness.add(&request(0, 10, 0)).0, 200);
    assert_eq!(told(&witness), 10);
    // Refused, it changes nothing; signatures of strangers and copies of the log's own are not passed on.
    assert_eq!(witness.add(&request(10, 12, 1)).0, 422);
    let mut crowded = AddCheckpoint::parse(request(10, 12, 0).as_bytes()).expect("a request");
    let own = crowded.checkpoint.signatures[0].clone();
    let stranger = SigningKey::from_seed("other.example", Kind::Text, &[9; 32]).expect("a key");
    crowded.checkpoint.signatures.push(stranger.sign(&crowded.checkpoint.text, 0));
    crowded.checkpoint.signatures.extend(std::iter::repeat_n(own, 40));
    assert_eq!((witness.add(&crowded.to_string()).0, told(&witness)), (200, 12));
    drop(witness);
    let witness = Witness::start(&folder, "one", &[&log.public().to_string()]);
    assert_eq!(told(&witness), 12, "killed and started again, it tells the same");
    assert_eq!(witness.signed("other.example/log").0, 404);
}

#[test]
fn a_log_that_shows_a_watcher_less_or_other_than_its_witnesses_signed_is_told_apart() {
    let (folder, home, [gov, dec]) = log("log.example/watched");
    let (a, b) = (Witness::start(&folder, "a", &[&gov, &dec]), Witness::start(&folder, "b", &[&gov, &dec]));
    let policy = |lines: &str| {
        let [a, b] =
            [("a", &a), ("b", &b)].map(|(name, one)| format!("witness {name} {} http://{}\n", one.key, one.address));
        format!("log {gov}\nlog {dec}\n{a}{b}{lines}")
    };
    folder.write("log/policy", &policy("group both all a b\nquorum both\n"));
    // Whoever goes by the log's signature alone believes whatever it signed.
    let trusting = folder.write("trusting", &policy("quorum none\n"));
    let copied = |to: &str| {
        let to = folder.path().join(to).display().to_string();
        assert!(Command::new("cp").args(["-r", &home, &to]).status().expect("it runs").success());
        to
    };
    let watch = |home: &str, state: &str, more: &[&str]| {
        let state = folder.path().join(state).display().to_string();
        let public = format!("{home}/dec/public");
        run(&[&["log", "monitor", &public, "--policy", &trusting, "--state", &state][..], more].concat(), b"")
    };
    assert_eq!(append(&home, "one\ntwo\n").0, 0);
    let (older, other) = (copied("older"), copied("other"));
    assert_eq!(append(&home, "three\n").0, 0);
    let seen = watch(&home, "seen", &["--witnesses"]);
    assert!(
        seen.code == 0 && seen.out.matches("example/witness signed it last with 3 entries, at 2").count() == 2,
        "{seen:?}"
    );
    let facts = watch(&home, "seen", &["--witnesses", "--json"]).json();
    assert_eq!((&facts["size_before"], &facts["witnesses"][1]["size"]), (&3.into(), &3.into()), "{facts}");

    // Put back; and gone on without the witnesses, as whoever holds host and signer can.
    std::fs::write(format!("{other}/policy"), format!("log {gov}\nlog {dec}\nquorum none\n")).expect("written");
    assert_eq!(append(&other, "another three\nfour\n").0, 0);
    for (home, state, why) in
        [(&older, "a", "it had 3 entries and has 2 now"), (&other, "b", "is not what it grew from")]
    {
        assert_eq!(watch(home, state, &[]).code, 0, "the log's own signature is on both");
        let told = watch(home, &format!("{state} watched"), &["--witnesses"]);
        assert!(told.code == 4 && told.err.contains(why), "{told:?}");
        assert!(told.err.contains("the witness a.example/witness signed what is not shown here"), "{told:?}");
        assert!(told.err.contains("— b.example/witness ") || told.err.contains("— a.example/witness "), "{told:?}");
        assert!(!folder.path().join(format!("{state} watched")).exists(), "what is not believed is not remembered");
    }

    // One that is gone is told, and without any there is nothing to compare with.
    drop(b);
    let told = watch(&home, "seen", &["--witnesses"]);
    assert!(told.code == 0 && told.out.contains("b.example/witness does not say what it signed"), "{told:?}");
    drop(a);
    let told = watch(&home, "seen", &["--witnesses"]);
    assert!(told.code == 7 && told.err.contains("no witness says what it signed last"), "{told:?}");
    // Who answers so may have signed nothing, or be a witness that tells nobody: which of them is not known.
    let silent = stranger("HTTP/1.1 404 None\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", || ());
    let secret = folder.path().join("c.key").display().to_string();
    let key = run(&["log", "key", "c.example", "--witness", "-o", &secret, "--json"], b"").json()["key"].clone();
    let key = key.as_str().expect("a key");
    folder.write("trusting", &format!("log {gov}\nlog {dec}\nwitness c {key} http://{silent}\nquorum none\n"));
    let told = watch(&home, "seen", &["--witnesses"]);
    assert!(told.code == 7 && told.err.contains("it has signed nothing of this log, or tells nobody"), "{told:?}");
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
fn stranger(answer: impl Into<String>, wait: impl Fn() + Clone + Send + 'static) -> String {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, wait, answer) = (stream.expect("a connection"), wait.clone(), answer.clone());
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
    // Each in the name of the first: what it did not sign, and what another is asked for.
    let forger = SigningKey::from_seed("g.example", Kind::Cosignature, &[9; 32]).expect("a key");
    let forged = forger.sign("another text\n", 7).to_string();
    let forged = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{forged}", forged.len());
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
    let another = SigningKey::from_seed("h.example", Kind::Cosignature, &[10; 32]).expect("a key");
    for (name, key) in [("g", forger), ("h", another)] {
        lines.push_str(&format!("witness {name} {} http://{}\n", key.public(), stranger(&forged, || ())));
    }
    let policy = folder.write("log/policy", &format!("{lines}group most 2 a b c d e f g h\nquorum most\n"));
    let public = format!("{home}/dec/public");
    // On a slow machine even those who are honest may be late once.
    until("each is named, and two have signed", || {
        let (code, said) = append(&home, "one\n");
        assert_eq!(code, 0, "{said}");
        let of = |name: &str| said.lines().find(|line| line.contains(&format!("the witness {name}.example")));
        let is_told = |name: &str, why: &str| of(name).is_some_and(|line| line.contains(why));
        let named = is_told("c", "knows another history")
            && is_told("d", "timeout")
            && is_told("e", "status 500")
            && is_told("f", "status 500")
            && is_told("g", "a signature in the name of `g.example` is not of that key")
            && is_told("h", "it answers without a signature of its key");
        let checked = run(&["log", "fsck", &public, "--policy", &policy], b"");
        println!("{said}{}{}", checked.out, checked.err);
        named && checked.code == 0
    });
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
