//! The command line: turns what was typed into an answer or a running process.

/// Tells people something, on standard error or output. Where it cannot be written, since the disk that it is kept on is full
/// or nobody reads it any more, that is no reason to end: the standard macros of these names would.
macro_rules! eprintln {
    ($($told:tt)*) => {{
        use std::io::Write as _;
        let _unheard = writeln!(std::io::stderr().lock(), $($told)*);
    }};
}
macro_rules! eprint {
    ($($told:tt)*) => {{
        use std::io::Write as _;
        let _unheard = write!(std::io::stderr().lock(), $($told)*);
    }};
}
macro_rules! println {
    ($($told:tt)*) => {{
        use std::io::Write as _;
        let _unheard = writeln!(std::io::stdout().lock(), $($told)*);
    }};
}

mod agent;
mod answers;
mod apk_compare;
mod attest;
mod attest_folder;
mod attest_impact;
mod attest_log;
mod attest_page;
mod attest_said;
mod attest_weighed;
mod canary;
mod check;
mod cli;
mod clock;
mod commands;
mod corpus;
mod helper;
mod hunt;
mod hunt_sets;
mod inventory;
mod journal;
mod law_note;
mod listen;
mod log;
mod log_find;
mod log_gov;
mod log_home;
mod log_keep;
mod log_mirror;
mod log_monitor;
mod log_override;
mod log_page;
mod log_place;
mod log_read;
mod log_repeats;
mod log_roll;
mod log_rulings;
mod log_s3;
mod log_serve;
mod log_statements;
mod log_told;
mod log_witness;
mod names;
mod outgoing;
mod page;
mod pay;
mod pay_keep;
mod pay_report;
mod question;
mod reach;
mod recording;
mod replay;
mod scan;
mod scan_compare;
mod scan_law;
mod scan_page;
mod scan_references;
mod scan_report;
mod scan_sbom;
mod scan_waiver;
mod serve;
mod settings;
mod show;
mod store;
mod store_code;
mod store_standby;
mod store_variant;
mod territory;
mod whole_file;

use clap::Parser;
use cli::{Cli, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let key = cli.attestations_key.as_deref();
    let attestations = cli.attestations.map(|name| attest_folder::Statements::named(&name, key));
    let voucher = match cli.corpus_key.as_deref().map(law_note::Voucher::named).transpose() {
        Ok(voucher) => voucher,
        Err(message) => return refused(&message),
    };
    let loading = commands::Loading { corpus: cli.corpus, image: cli.image, voucher, attestations };
    let done = match cli.command {
        Command::Decide { file, question, json } => commands::decide(&loading, file.as_deref(), &question, json),
        Command::Explain { file, question, json } => commands::explain(&loading, file.as_deref(), &question, json),
        Command::Timeline { question, json, svg } => commands::timeline(&loading, &question, json, svg),
        Command::Subjects { identifier, json } => commands::subjects(&loading, identifier.as_deref(), json),
        Command::Orders { id, json } => commands::orders(&loading, id.as_deref(), json),
        Command::Check(options) => check::check(&loading, &options),
        Command::Diff { old, new, json } => commands::diff(&old, &new, json),
        Command::Fmt { paths, check, json } => commands::fmt(&paths, check, json),
        Command::Grammar { markdown, json } => commands::grammar(markdown, json),
        Command::Weave { ids, output, json } => commands::weave(&loading, &ids, output.as_deref(), json),
        Command::Export { format, json: _ } => commands::export(&loading, format),
        Command::Compile { output, json } => commands::compile(&loading, &output, json),
        Command::Names { command } => names::names(&command),
        Command::Pay { command } => pay::pay(&loading, &command),
        Command::Scan(options) => scan::scan(&loading, &options),
        Command::Apk { command } => apk_compare::run(&command),
        Command::Compare(options) => scan_compare::run(&options),
        Command::Similarity { command } => scan_references::run(&loading, &command),
        Command::Serve(options) => serve::serve(&loading, &options),
        Command::Reach(options) => reach::reach(&loading, &options),
        Command::Inventory(options) => inventory::inventory(&loading, &options),
        Command::Vouch { key, json } => law_note::vouch(loading.corpus.as_deref(), &key, json),
        Command::Agent(options) => agent::agent(&loading, &options),
        Command::SquidHelper(options) => helper::answer(&options),
        Command::Replay(command) => replay::run(&loading, &command),
        Command::Territory(command) => territory::run(&command),
        Command::Attest { command } => attest::run(&loading, &command),
        Command::Log { command } => log::run(&loading, &command),
        Command::Completions { shell } => commands::completions(shell),
        Command::Man { folder } => commands::man(&folder),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(message) => refused(&message),
    }
}

fn refused(message: &str) -> ExitCode {
    eprintln!("{}", message.trim_end());
    ExitCode::from(2)
}
