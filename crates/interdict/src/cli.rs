//! What may be typed: commands, their options, and the help that teaches them.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What every command takes, told apart from its own options.
const LAW_OPTIONS: &str = "Which law, for every command that asks it";

/// What was typed.
#[derive(Debug, Parser)]
#[command(
    name = "interdict",
    version,
    about = "Apply government orders against apps exactly as far as they reach, and say why",
    after_help = "Start here:\n  interdict decide --act app.distribute --app com.tencent.mm --place US-NY --at 2020-09-21T12:00-04:00\n  interdict explain --act app.distribute --app com.tencent.mm --place US-NY --at 2020-09-21T12:00-04:00\n  interdict serve"
)]
pub(crate) struct Cli {
    /// Read orders and subjects from this folder instead of the shipped ones
    #[arg(long, global = true, help_heading = LAW_OPTIONS, value_name = "DIR")]
    pub(crate) corpus: Option<PathBuf>,
    /// Apply what is in that folder only as its note vouches for it (`interdict vouch`): the public key of whose it must be,
    /// or a file with that
    #[arg(long, global = true, help_heading = LAW_OPTIONS, value_name = "VKEY|FILE", requires = "corpus")]
    pub(crate) corpus_key: Option<PathBuf>,
    /// Start from this compiled image if it was made from the same sources
    #[arg(long, global = true, help_heading = LAW_OPTIONS, value_name = "FILE")]
    pub(crate) image: Option<PathBuf>,
    /// Count conditions of orders as met by the signed statements of this folder, or of this log, here or at an address
    /// (`interdict attest`)
    #[arg(long, global = true, help_heading = LAW_OPTIONS, value_name = "DIR|URL")]
    pub(crate) attestations: Option<PathBuf>,
    /// Whose log of statements it is: its public key, or a file with that or with a policy of log and witnesses
    #[arg(long, global = true, help_heading = LAW_OPTIONS, value_name = "VKEY|FILE", requires = "attestations")]
    pub(crate) attestations_key: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answer inquiries: from a file, from standard input, or built from options
    #[command(
        after_help = "Exit code: 0 every answer permits, 1 any forbids, 2 an inquiry was wrong, 3 any refers and none forbids."
    )]
    Decide {
        /// A file with one inquiry, an array, or JSON lines; `-` reads standard input
        file: Option<PathBuf>,
        #[command(flatten)]
        question: Question,
        /// Write JSON, one answer a line
        #[arg(long)]
        json: bool,
    },
    /// Answer one inquiry with the whole chain of reasons
    Explain {
        /// A file with one inquiry; `-` reads standard input
        file: Option<PathBuf>,
        #[command(flatten)]
        question: Question,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the answers to one inquiry over all of time
    Timeline {
        #[command(flatten)]
        question: Question,
        /// Write JSON
        #[arg(long, conflicts_with = "svg")]
        json: bool,
        /// Write a picture
        #[arg(long)]
        svg: bool,
    },
    /// List subjects, or say whose an identifier is
    Subjects {
        /// An identifier (`KIND:ID`, or an id of any kind)
        identifier: Option<String>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// List orders, or show one
    Orders {
        /// An instrument id
        id: Option<String>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Read, lower and lint orders, run every case on both engines, report coverage
    Check(Check),
    /// Show what two corpora answer differently, as boxes
    Diff {
        /// The old corpus: a folder, or `shipped`
        old: PathBuf,
        /// The new corpus: a folder, or `shipped`
        new: PathBuf,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Lay out order files
    Fmt {
        /// Files or folders
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Change nothing; fail if something would change
        #[arg(long)]
        check: bool,
        /// Write JSON: the files that changed, or would
        #[arg(long)]
        json: bool,
    },
    /// Print every statement and word of the order language
    Grammar {
        /// Write Markdown
        #[arg(long, conflicts_with = "json")]
        markdown: bool,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the page a lawyer signs: words, encoding and cases side by side (HTML)
    Weave {
        /// Instruments; without any, all
        ids: Vec<String>,
        /// Where to write; standard output otherwise
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Write JSON instead: the same words, readings and cases
        #[arg(long)]
        json: bool,
    },
    /// Write the corpus for other programs
    Export {
        /// JSON, which is the default
        #[arg(long, conflicts_with = "format")]
        json: bool,
        /// In which format
        #[arg(long, value_enum, default_value = "json")]
        format: Format,
    },
    /// Compile orders to an image from which a gate starts in milliseconds
    Compile {
        /// Where to write
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        /// Say in JSON what was written
        #[arg(long)]
        json: bool,
    },
    /// Compare packages as a rebuilder does: the same apart from signatures, or not
    Apk {
        #[command(subcommand)]
        command: crate::apk_compare::ApkCommand,
    },
    /// Compare names, and find them on lists
    Names {
        #[command(subcommand)]
        command: crate::names::Names,
    },
    /// Screen payments
    Pay {
        #[command(subcommand)]
        command: crate::pay::Pay,
    },
    /// Look for code of listed subjects in artefacts, and say what the law says of it
    Scan(crate::scan::Scan),
    /// Put two artefacts side by side: which functions of one stand in the other
    Compare(crate::scan_compare::Compare),
    /// Keep the reference code that `scan` looks for
    Similarity {
        #[command(subcommand)]
        command: crate::scan_references::Command,
    },
    /// Serve the decision API and the console
    Serve(Serve),
    /// Say which gates an order reaches; make nothing for those it does not
    Reach(crate::reach::Reach),
    /// Say what of an inventory of hosts and customers an order reaches, and what would be over-blocking
    Inventory(crate::inventory::Inventory),
    /// Sign the orders and subjects of `--corpus`, all of them and as they are, for gates that apply nothing else
    /// (`--corpus-key`)
    Vouch {
        /// The private key (`interdict log key`)
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Say in JSON what was written
        #[arg(long)]
        json: bool,
    },
    /// Keep the tables of proxies as the law is, without serving anything
    Agent(crate::agent::Agent),
    /// Answer Squid from the tables beside it: started by Squid, needs nothing else of this program
    SquidHelper(crate::helper::Helper),
    /// Say what a past period's requests would have come to under the law
    #[command(subcommand)]
    Replay(crate::replay::Replay),
    /// Say where addresses are, and build the table that knows it
    #[command(subcommand)]
    Territory(crate::territory::Territory),
    /// Sign and check statements, and say what of a condition holds and what is missing
    Attest {
        #[command(subcommand)]
        command: crate::attest::AttestCommand,
    },
    /// Keep, check and prove the log of decisions
    Log {
        #[command(subcommand)]
        command: crate::log::LogCommand,
    },
    /// Print shell completions
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Write man pages
    Man {
        /// Folder to write into
        folder: PathBuf,
    },
}

/// Options of `check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Files or folders; without any, the shipped corpus
    pub(crate) paths: Vec<PathBuf>,
    /// Write JSON, faults of files that cannot be read included
    #[arg(long)]
    pub(crate) json: bool,
    /// Fail on warnings too
    #[arg(long)]
    pub(crate) strict: bool,
    /// Fail where an order of this folder (or `shipped`) has been edited instead of retracted
    #[arg(long, value_name = "DIR")]
    pub(crate) released: Option<PathBuf>,
    /// Fail where quoted words are not in the document: a folder of texts named INSTRUMENT.txt
    #[arg(long, value_name = "DIR")]
    pub(crate) documents: Option<PathBuf>,
    /// Fail where an answer is not the one known from elsewhere: a folder of JSON lines, each an inquiry and what must
    /// come out
    #[arg(long, value_name = "DIR")]
    pub(crate) answers: Option<PathBuf>,
    /// Which of those are answered otherwise, and why: each line an id and the reason
    #[arg(long, value_name = "FILE", requires = "answers")]
    pub(crate) exceptions: Option<PathBuf>,
}

/// Formats of `export`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The corpus as JSON
    Json,
    /// Akoma Ntoso 3.0, one way
    Akn,
    /// LegalRuleML 1.0, one way
    Legalruleml,
    /// JSON Schemas of inquiry, finding and corpus
    Schema,
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Gates, records and everything else that options do not say, from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Where to listen; without settings, 127.0.0.1:8642
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Allow an address that other machines can reach
    #[arg(long)]
    pub(crate) listen_publicly: bool,
    /// Record every decision in the log of this folder (`interdict log new`); what cannot be recorded is not answered
    #[arg(long, value_name = "DIR")]
    pub(crate) log: Option<PathBuf>,
    /// The socket of a signer that runs already (`interdict log sign`); without it, one is started
    #[arg(long, value_name = "PATH", requires = "log")]
    pub(crate) log_signer: Option<PathBuf>,
    /// Show in the console what recorded decisions were about, to whoever reaches it; never what concerns people or payments
    #[arg(long)]
    pub(crate) show_decisions: bool,
    #[command(flatten)]
    pub(crate) posture: PostureArgs,
    #[command(flatten)]
    pub(crate) store: crate::store::StoreArgs,
}

/// What to do with the statuses that leave a choice.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct PostureArgs {
    /// What to do where the law is not enforced
    #[arg(long, value_enum, default_value = "refer", value_name = "VERDICT")]
    pub(crate) not_enforced: Choice,
    /// What to do where a court has stayed the law
    #[arg(long, value_enum, default_value = "permit", value_name = "VERDICT")]
    pub(crate) stayed: Choice,
}

/// A verdict an operator can choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Choice {
    Permit,
    Refer,
    Forbid,
}

impl Choice {
    /// In the docket's words.
    pub(crate) const fn verdict(self) -> docket::finding::Verdict {
        match self {
            Self::Permit => docket::finding::Verdict::Permit,
            Self::Refer => docket::finding::Verdict::Refer,
            Self::Forbid => docket::finding::Verdict::Forbid,
        }
    }
}

/// A question built from options.
#[derive(Debug, Args)]
pub(crate) struct Question {
    /// What is done (`app.distribute`, `host.provide`, …)
    #[arg(long)]
    pub(crate) act: Option<String>,
    /// To which app, by any identifier (`com.tencent.mm`, `tiktok.com`, `wechat`)
    #[arg(long, value_name = "ID")]
    pub(crate) app: Option<String>,
    /// The same with its kind (`domain:tiktok.com`, `asn:AS396986`)
    #[arg(long, value_name = "KIND:ID", conflicts_with = "app")]
    pub(crate) resource: Option<String>,
    /// Where it has effect (ISO 3166); absent is not known
    #[arg(long)]
    pub(crate) place: Option<String>,
    /// When it happens (`2020-09-21T12:00-04:00`); absent is now
    #[arg(long, value_name = "INSTANT")]
    pub(crate) at: Option<String>,
    /// As known when; absent counts all that is known
    #[arg(long, value_name = "INSTANT")]
    pub(crate) known_at: Option<String>,
    /// Who acts: business, consumer, government, contractor
    #[arg(long, default_value = "business")]
    pub(crate) actor: String,
    /// By what name
    #[arg(long, default_value = "")]
    pub(crate) id: String,
    /// In what role
    #[arg(long)]
    pub(crate) role: Option<String>,
    /// For which government
    #[arg(long)]
    pub(crate) government: Option<String>,
    /// A fact (`purpose=wages`, `contracted=unknown`, `accessible_in=US,CA`); may be repeated
    #[arg(long = "fact", value_name = "FACT=VALUE")]
    pub(crate) facts: Vec<String>,
    #[command(flatten)]
    pub(crate) posture: PostureArgs,
}
