//! `interdict log`: what may be typed, and how it ends.

use crate::commands::{Done, Loading, tell};
use crate::log_place::Place;
use crate::log_s3::Bucket;
use crate::{log_find, log_keep, log_mirror, log_monitor, log_override, log_read, log_roll, log_witness};
use clap::{Args, Subcommand};
use serde_json::Value;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tlog::note::VerifierKey;
use tlog::policy::Policy;

/// What to do with a log.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Exit codes: 0 sound, 1 it could not be done, 2 malformed, 3 signed by nobody who is trusted, 4 another history \
                  (a fork or an old copy), 5 an entry or a hash is not what was signed, 6 a file is missing or unreadable, \
                  7 too few witnesses.\n\nA log is two: `gov` has what changes the rules, `dec` one commitment a decision."
)]
pub(crate) enum LogCommand {
    /// Make the folder of a new log and its keys
    #[command(
        after_help = "What it prints are the public keys of the two logs: hand them to whoever is to check them.\n\n  \
                      interdict log new LOG --name ledger.example/prod\n  \
                      interdict serve --log LOG\n\n\
                      Witnesses are named in LOG/policy (C2SP tlog-policy); `interdict log witness --help` shows one."
    )]
    New {
        /// Where
        folder: PathBuf,
        /// Its name, an address without scheme (`ledger.example/interdict/prod`)
        #[arg(long)]
        name: String,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a key and print its public half
    Key {
        /// The name of its holder, an address without scheme
        name: String,
        /// A key that witnesses other logs
        #[arg(long)]
        witness: bool,
        /// Where to write the private half
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Check a proof that an entry is in a log, or a field that somebody showed, offline; or a whole log at its address
    #[command(
        after_help = "It says what is proven and what is not. Exit codes as `interdict log --help` says: 0 it holds, 3 not signed by that key, \
                      5 not what was signed, 7 too few witnesses.\n\n  \
                      interdict log verify 17.tlog-proof 17.entry --key VKEY\n  \
                      interdict log verify outcome.json --key VKEY\n  \
                      interdict log verify https://ledger.example/log/dec --key VKEY"
    )]
    Verify {
        /// A proof (`.tlog-proof`), or what `log disclose` wrote; or the address of a log, which is then checked whole
        proof: PathBuf,
        /// The entry that the proof is about; not needed for a disclosure
        entry: Option<PathBuf>,
        #[command(flatten)]
        trust: Trust,
        /// Write JSON; of an address as `log fsck` does, one object a log
        #[arg(long)]
        json: bool,
    },
    /// Recompute a log from the bytes of its entries and name every damage
    Fsck {
        /// The public folder of a log, the folder that `log new` made, or the address of either
        folder: PathBuf,
        #[command(flatten)]
        trust: Trust,
        /// Write JSON, one object a log
        #[arg(long)]
        json: bool,
    },
    /// Write the proof that an entry is in a log
    Prove {
        /// The folder of a log (`DIR/dec`), its public folder, or the address of that
        folder: PathBuf,
        /// Which entry
        index: u64,
        #[command(flatten)]
        trust: Trust,
        /// Where to write the proof; the entry goes beside it, as `.entry`
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        /// Say in JSON what was written
        #[arg(long)]
        json: bool,
    },
    /// Find decisions by what they were about and when they were made
    Find(log_find::Find),
    /// Print entries
    Cat {
        /// The folder of a log (`DIR/gov`), its public folder, or the address of that
        folder: PathBuf,
        /// From which index
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many
        #[arg(long, default_value_t = 100)]
        count: u64,
        #[command(flatten)]
        trust: Trust,
    },
    /// Check that a log only grew since the last time, and remember what it was
    #[command(
        after_help = "A log that shows one history to you and another to others is told by its witnesses: --witnesses asks those \
                      of the policy what they signed last, and exits with 4 if that is not what is shown here, with 7 if none \
                      of them says.\n\n\
                      interdict log monitor https://log.example/log/gov --policy policy --state seen --witnesses"
    )]
    Monitor {
        /// The public folder of a log, or its address
        folder: PathBuf,
        /// Where to remember
        #[arg(long, value_name = "FILE")]
        state: PathBuf,
        #[command(flatten)]
        trust: Trust,
        /// Ask the witnesses of the policy, too, what they signed last
        #[arg(long, requires = "policy")]
        witnesses: bool,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Copy what is published into a bucket (S3), from which strangers read and check it
    #[command(
        after_help = "A service copies by itself with [log.publish] in its settings. What is in the bucket already must be an \
                      earlier state of this log; another history is left as it is (exit code 4).\n\n\
                      interdict log publish ledger --to s3://transparency/prod --endpoint https://s3.example --credentials key\n\
                      interdict log verify https://s3.example/transparency/prod/dec --key VKEY"
    )]
    Publish {
        /// The folder that `log new` made
        folder: PathBuf,
        /// The bucket and what every key in it starts with
        #[arg(long, value_name = "s3://BUCKET/PREFIX")]
        to: String,
        /// The address of the store
        #[arg(long, value_name = "URL")]
        endpoint: String,
        /// The region that requests are signed for
        #[arg(long, default_value = "us-east-1")]
        region: String,
        /// The file with the key that signs requests (`[default]`, `aws_access_key_id`, `aws_secret_access_key`); it may
        /// get, put and remove objects there and list the bucket
        #[arg(long, value_name = "FILE")]
        credentials: PathBuf,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Hold the keys of a log in a process of its own and sign what only grew
    Sign {
        /// The private keys
        #[arg(long = "key", value_name = "FILE", required = true)]
        keys: Vec<PathBuf>,
        /// Where to remember what was signed; best on another disk than the log
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
        /// The socket to answer on
        #[arg(long, value_name = "PATH")]
        socket: PathBuf,
        /// End when standard input ends, as when whoever started this is gone
        #[arg(long)]
        with_input: bool,
    },
    /// Witness the logs of others: sign what only grew (C2SP tlog-witness)
    #[command(
        after_help = "The keeper of the log names its witnesses in the file `policy` of the log's folder; `quorum` says whose signatures it takes:\n\n  \
                      log GOV_VKEY\n  \
                      log DEC_VKEY\n  \
                      witness one WITNESS_VKEY https://one.example\n  \
                      witness two WITNESS_VKEY https://two.example\n  \
                      group enough any one two\n  \
                      quorum enough\n\n  \
                      interdict log key one.example --witness --output one.key\n  \
                      interdict log witness --key one.key --state seen --log GOV_VKEY --log DEC_VKEY --listen 127.0.0.1:8700"
    )]
    Witness {
        /// The private key, made with `log key --witness`
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Where to remember what was signed
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
        /// The public key of a log to witness; may be repeated
        #[arg(long = "log", value_name = "VKEY", required = true)]
        logs: Vec<String>,
        /// Where to listen
        #[arg(long, value_name = "ADDRESS")]
        listen: SocketAddr,
    },
    /// Log each line of standard input, and print the index of each once it is durable
    Append {
        /// The folder that `log new` made
        folder: PathBuf,
        /// To which of its logs
        #[arg(long, default_value = "dec")]
        to: String,
        /// The socket of the signer; without it, one is started
        #[arg(long, value_name = "PATH")]
        signer: Option<PathBuf>,
        /// Write JSON, one index a line
        #[arg(long)]
        json: bool,
    },
    /// Show one field of a decision so that anybody can check it, and nothing else of it
    Disclose {
        /// The folder that `log new` made
        folder: PathBuf,
        /// Which entry of the log of decisions
        index: u64,
        /// In the log of this number, which has ended
        #[arg(long, value_name = "NUMBER")]
        sealed: Option<u64>,
        /// Which field: act, resource, actor, place, outcome, law, private, record
        #[arg(long)]
        field: String,
    },
    /// Erase what an entry commits to; the entry and all proofs stay sound, and nobody can show it any more
    Erase {
        /// The folder that `log new` made
        folder: PathBuf,
        /// Which entry of the log of decisions
        index: u64,
        /// In the log of this number, which has ended
        #[arg(long, value_name = "NUMBER")]
        sealed: Option<u64>,
        /// On what ground; it is logged, and public: no names of people
        #[arg(long)]
        reason: String,
        /// The socket of the signer; without it, one is started if it is needed
        #[arg(long, value_name = "PATH")]
        signer: Option<PathBuf>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the statement that decides what the law left to a person (`refer`), for those who sign it
    #[command(
        after_help = "It takes the group `override` of the trust document and two people at least, each accepted there for `override` about \
                      every order that the decision cites. Once it is taken up and published, gates that record in this log answer so when \
                      the very same is asked again, until it expires or somebody takes it back (a statement of type `revocation`); what law \
                      permits or forbids is nobody's to decide. A service tells it at /log/dec/override/INDEX: 404 nobody decided, 202 it is \
                      logged and does not count yet, 200 what was decided, by whom, until when, and whether it holds.\n\n  \
                      interdict log override LOG 17 permit --reason 'wages, confirmed by telephone' --expires 2027-01-31T00:00:00Z \
                      --output ruling.json\n  \
                      interdict attest sign ruling.json --key officer.key --output once.json\n  \
                      interdict attest sign once.json --key counsel.key --output twice.json\n  \
                      interdict --attestations LOG attest add twice.json"
    )]
    Override(log_override::Override),
    /// Hand out no entries of decisions before an index any more; they and all proofs are kept, and the log says so. What
    /// was copied into a bucket is there until somebody removes it
    Retain(log_override::Retain),
    /// Log what became of a key: added, dropped, lost or compromised
    KeyEvent(log_override::KeyEvent),
    /// Seal both logs and go on in new ones with new keys, each of which begins with the last checkpoint of the old
    #[command(
        after_help = "End the service first. The old logs lie in `past` from then on and are served at /log/past/…; readers of statements \
                      follow by themselves. An interrupted roll is ended by the same command."
    )]
    Roll(log_roll::Roll),
    /// Write out the law that a decision was made under, and check that it is the edition the decision names
    Law(log_override::Law),
}

/// Whose signatures are believed.
#[derive(Debug, Args)]
pub(crate) struct Trust {
    /// The public key of the log (`name+id+base64`)
    #[arg(long, value_name = "VKEY", conflicts_with = "policy")]
    key: Option<String>,
    /// A policy (C2SP tlog-policy): logs, witnesses and a quorum
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl Trust {
    /// Whether it was said whom to believe.
    pub(crate) const fn names_somebody(&self) -> bool {
        self.key.is_some() || self.policy.is_some()
    }

    /// The policy to go by. Where nothing was said, the key beside the log is taken, and that is said.
    pub(crate) fn policy(&self, public: Option<&Place>) -> Result<Policy, Problem> {
        let one = |text: &str, from: &str| {
            let key = VerifierKey::parse(text.trim());
            key.map(Policy::of_log).map_err(|error| Problem::new(2, format!("{from}: {error}")))
        };
        match (&self.policy, &self.key, public) {
            (Some(path), ..) => {
                let bytes = read(path)?;
                Policy::parse(&bytes).map_err(|error| Problem::new(2, format!("{}: {error}", path.display())))
            }
            (None, Some(key), _) => one(key, "--key"),
            (None, None, Some(public)) => {
                let path = public.file("vkey");
                if let Some(home) = public.home_of_two() {
                    let why = format!(
                        "{home} has two logs; name {home}/dec, the decisions, or {home}/gov, what changes the rules"
                    );
                    return Err(Problem::new(1, why));
                }
                let text = String::from_utf8(public.read("vkey")?).unwrap_or_default();
                eprintln!("note: the key is the one beside the log; pass --key or --policy to go by one you know");
                one(&text, &path.display().to_string())
            }
            (None, None, None) => Err(Problem::new(3, "say whom to believe: --key VKEY or --policy FILE".to_owned())),
        }
    }
}

/// Why a command did not end well, and with which code.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) code: u8,
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Of a file, for people.
    pub(crate) fn file(path: &Path, error: impl fmt::Display) -> Self {
        Self::new(6, format!("{}: {error}", path.display()))
    }
}

/// Tells the same to a program or to a person.
pub(crate) fn told(as_json: bool, facts: &Value, words: &str) -> Result<u8, Problem> {
    tell(as_json, facts, words).map_err(|error| Problem::new(1, error))
}

/// A key, a policy, a proof, an entry or a disclosure: none is as long as this.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    read.map_err(|error| Problem::file(path, error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Problem::new(2, format!("{}: longer than {FILE_BYTES_MAX} bytes", path.display())));
    }
    Ok(bytes)
}

/// 32 bytes of chance. Without any the process cannot keep a secret and ends.
pub(crate) fn chance() -> [u8; 32] {
    let mut bytes = [0; 32];
    if let Err(error) = getrandom::fill(&mut bytes) {
        eprintln!("the machine has no source of chance: {error}");
        std::process::exit(1);
    }
    bytes
}

pub(crate) fn run(loading: &Loading, command: &LogCommand) -> Done {
    let done = match command {
        LogCommand::New { folder, name, json } => log_keep::new(folder, name, *json),
        LogCommand::Key { name, witness, output, json } => log_keep::key(name, *witness, output, *json),
        LogCommand::Verify { proof, entry, trust, json } => log_read::verify(proof, entry.as_deref(), trust, *json),
        LogCommand::Fsck { folder, trust, json } => log_read::fsck(folder, trust, *json),
        LogCommand::Prove { folder, index, trust, output, json } => {
            log_read::prove(folder, *index, trust, output, *json)
        }
        LogCommand::Find(options) => log_find::find(loading, options),
        LogCommand::Cat { folder, from, count, trust } => log_read::cat(folder, *from, *count, trust),
        LogCommand::Monitor { folder, state, trust, witnesses, json } => {
            log_monitor::monitor(folder, state, trust, *witnesses, *json)
        }
        LogCommand::Publish { folder, to, endpoint, region, credentials, json } => {
            let bucket = Bucket::new(to, endpoint, region, credentials);
            bucket.map_err(|why| Problem::new(1, why)).and_then(|bucket| log_mirror::once(folder, &bucket, *json))
        }
        LogCommand::Sign { keys, state, socket, with_input } => log_keep::sign(keys, state, socket, *with_input),
        LogCommand::Override(options) => log_override::overrule(options),
        LogCommand::Retain(options) => log_override::retain(options),
        LogCommand::KeyEvent(options) => log_override::key_event(options),
        LogCommand::Roll(options) => log_roll::roll(options),
        LogCommand::Law(options) => log_override::law(options),
        LogCommand::Witness { key, state, logs, listen } => log_witness::serve(key, state, logs, *listen),
        LogCommand::Append { folder, to, signer, json } => log_keep::append(folder, to, signer.as_deref(), *json),
        LogCommand::Disclose { folder, index, sealed, field } => log_read::disclose(folder, *sealed, *index, field),
        LogCommand::Erase { folder, index, sealed, reason, signer, json } => {
            log_keep::erase(folder, (*sealed, *index), reason, signer.as_deref(), *json)
        }
    };
    match done {
        Ok(code) => Ok(code),
        Err(problem) => {
            eprintln!("{}", problem.message.trim_end());
            Ok(problem.code)
        }
    }
}
