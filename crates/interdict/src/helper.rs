//! The helper that Squid starts: one line a question, one line an answer, from the tables the agent keeps.
//!
//! It belongs to Squid and needs no other process: the tables hold the end of each refusal, and the clock is here. It
//! answers OK for what is refused and ERR for what is not. Squid starts it again whenever it ends.

use crate::clock;
use crate::commands::Done;
use clap::Args;
use gate::maps::lookup::Lookup;
use std::io::{self, BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Squid's lines are an id, an address and a host; a longer one is none of its.
const LINE_BYTES_MAX: usize = 8 << 10;

/// Options of `squid-helper`.
#[derive(Debug, Args)]
pub(crate) struct Helper {
    /// The folder of the tables: `hosts.map`, `places.map`
    folder: PathBuf,
}

/// The tables and when they were written.
struct Tables {
    read: Option<Lookup>,
    written: [Option<SystemTime>; 2],
}

pub(crate) fn answer(options: &Helper) -> Done {
    let files = [options.folder.join("hosts.map"), options.folder.join("places.map")];
    let mut tables = Tables { read: None, written: [None, None] };
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|error| format!("cannot read what Squid asks: {error}"))?;
        tables.refresh(&files);
        let told = tables.told(&line);
        if writeln!(out, "{told}").and_then(|()| out.flush()).is_err() {
            return Ok(0);
        }
    }
    Ok(0)
}

impl Tables {
    /// Reads the tables again if they are others; ones that cannot be read leave the last in place.
    fn refresh(&mut self, files: &[PathBuf; 2]) {
        let modified = |path: &PathBuf| std::fs::metadata(path).and_then(|found| found.modified()).ok();
        let written = files.each_ref().map(modified);
        if written == self.written {
            return;
        }
        let text = |path: &Path| std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
        let [hosts, places] = files;
        let read = text(hosts).and_then(|hosts| Lookup::read(&hosts, &text(places)?));
        match read {
            Ok(read) => self.read = Some(read),
            Err(message) => eprintln!("the tables cannot be read, the last ones stay: {message}"),
        }
        self.written = written;
    }

    /// `ID ADDRESS HOST` is answered `ID OK message=PARAGRAPH` if it is refused, or `ID ERR`.
    fn told(&self, line: &str) -> String {
        let mut words = line.split_ascii_whitespace();
        let (id, client, host) = (words.next(), words.next(), words.next());
        let (Some(id), Some(client), Some(host)) = (id, client, host) else { return String::from("0 BH") };
        let Some(tables) = self.read.as_ref().filter(|_| line.len() <= LINE_BYTES_MAX) else {
            return format!("{id} BH message=\"no tables\"");
        };
        match tables.refused(host, client.parse().ok(), clock::now()) {
            Some(order) => format!("{id} OK message=\"{order}\""),
            None => format!("{id} ERR"),
        }
    }
}
