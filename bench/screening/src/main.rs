//! Our side of the comparison: scores of pairs, searches in a list, and how long they take.
//!
//! It reads lines with tabs and writes lines with tabs, so that a script can put peers beside it.
//!
//! ```text
//! bench-screening pairs  < kind \t name \t name          > score
//! bench-screening search LIST THRESHOLD < kind \t name   > best score \t entry \t nanoseconds
//! bench-screening ofac   < name \t name                  > score
//! ```

use screening::names::list::{Builder, Entry, Scratch};
use screening::names::name::{Kind, Name};
use screening::names::{ofac, score};
use std::io::{BufRead, BufWriter, Write};
use std::time::Instant;

fn kind(word: &str) -> Kind {
    if word == "Person" { Kind::Person } else { Kind::Company }
}

fn main() -> std::io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let input = std::io::stdin().lock();
    let mut out = BufWriter::new(std::io::stdout().lock());
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["pairs"] => {
            for line in input.lines() {
                let line = line?;
                let mut cells = line.split('\t');
                let (Some(of), Some(a), Some(b)) = (cells.next(), cells.next(), cells.next()) else { continue };
                writeln!(out, "{:.4}", score::compare(a, b, kind(of)).score)?;
            }
        }
        ["time-pairs"] => {
            let lines: Vec<String> = input.lines().collect::<Result<_, _>>()?;
            let started = Instant::now();
            let mut sum = 0.0;
            for line in &lines {
                let mut cells = line.split('\t');
                let (Some(of), Some(a), Some(b)) = (cells.next(), cells.next(), cells.next()) else { continue };
                sum += score::compare(a, b, kind(of)).score;
            }
            writeln!(out, "{:.0}\t{sum}", started.elapsed().as_nanos() as f64 / lines.len().max(1) as f64)?;
        }
        ["ofac"] => {
            for line in input.lines() {
                let line = line?;
                let Some((a, b)) = line.split_once('\t') else { continue };
                writeln!(out, "{}", ofac::score(a, b))?;
            }
        }
        ["search", file, least] => search(file, least, input, out)?,
        _ => eprintln!("pairs | time-pairs | ofac | search LIST THRESHOLD"),
    }
    Ok(())
}

fn search(file: &str, least: &str, input: impl BufRead, mut out: impl Write) -> std::io::Result<()> {
    let started = Instant::now();
    let mut builder = Builder::default();
    for (party, line) in (0..).zip(std::fs::read_to_string(file)?.lines()) {
        if let Some((of, name)) = line.split_once('\t') {
            builder.add(name, Entry { party, kind: kind(of) });
        }
    }
    let list = builder.finish();
    let seconds = started.elapsed().as_secs_f64();
    eprintln!(
        "{} names indexed in {seconds:.2} s; index {} MB; {} MB resident",
        list.len(),
        list.bytes() / 1_000_000,
        resident_mb()
    );
    let before = processor_nanos();
    let mut asked = 0_u64;
    let least: f32 = least.parse().unwrap_or(0.75);
    let mut scratch = Scratch::default();
    for line in input.lines() {
        let line = line?;
        let Some((of, name)) = line.split_once('\t') else { continue };
        let started = Instant::now();
        let matches = list.search(&Name::new(name, kind(of)), least, &mut scratch);
        let nanos = started.elapsed().as_nanos();
        let best = matches.first();
        writeln!(
            out,
            "{:.4}\t{}\t{nanos}",
            best.map_or(0.0, |found| found.alignment.score),
            best.map_or("", |found| list.text(found.entry))
        )?;
        asked += 1;
    }
    let nanos = processor_nanos().saturating_sub(before) / asked.max(1);
    eprintln!("{asked} searches, {:.1} us of processor time each, reading and writing among it", nanos as f64 / 1000.0);
    Ok(())
}

/// What the scheduler has given this process.
fn processor_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}

fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}
