//! A past period judged again: what an access log's requests would have come to, in a table, as JSON or as a page.

use crate::cli::PostureArgs;
use crate::commands::{Done, Loading, print};
use crate::page::page;
use crate::question;
use crate::territory::Consulted;
use crate::whole_file;
use clap::{Args, Subcommand};
use docket::Docket;
use docket::finding::{Posture, Verdict, status_word};
use docket::moment::{format_rfc3339, parse_rfc3339};
use docket::vocabulary::ResourceKind;
use flate2::read::MultiGzDecoder;
use gate::store::index::Index;
use gate::store::judge;
use gate::store::replay::{self, Known, Tally};
use law::Time;
use maud::{Markup, html};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

/// What to judge again.
#[derive(Debug, Subcommand)]
pub(crate) enum Replay {
    /// An app store's access log: what would have been refused, to whom, under which paragraph
    #[command(
        after_help = "Formats: common, combined, JSON (nginx variables, Caddy, or ip/timestamp/method/path/status), plain or gzip; `-` reads\nstandard input. A file sent counts (GET answered 200 or 206), and so does one already refused (451).\n\n  interdict replay store access.log\n  interdict replay store access.log.gz --index index-v2.json --known-at 2020-09-21T00:00Z --html report.html"
    )]
    Store(StoreLog),
}

/// Options of `replay store`.
#[derive(Debug, Args)]
pub(crate) struct StoreLog {
    /// The log; `-` reads standard input
    log: PathBuf,
    /// The repository's index (index-v2.json or index-v1.json); without it, files are named PACKAGE_CODE.apk
    #[arg(long, value_name = "FILE")]
    index: Option<PathBuf>,
    /// The URL path under which the repository was served, for the names in the index
    #[arg(long, default_value = "/fdroid/repo", value_name = "PATH")]
    base: String,
    /// By the law as known when: `then` (at each request), `now` (all that is on file), or an instant
    #[arg(long, default_value = "then", value_name = "WHEN")]
    known_at: String,
    /// Write JSON
    #[arg(long)]
    json: bool,
    /// Write a page with a chart
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    consulted: Consulted,
    #[command(flatten)]
    posture: PostureArgs,
}

pub(crate) fn run(loading: &Loading, command: &Replay) -> Done {
    match command {
        Replay::Store(options) => store(loading, options),
    }
}

fn store(loading: &Loading, options: &StoreLog) -> Done {
    let known = match options.known_at.as_str() {
        "then" => Known::Then,
        "now" => Known::At(None),
        instant => Known::At(Some(
            parse_rfc3339(instant).map_err(|why| format!("--known-at: {why}; or write `then` or `now`"))?,
        )),
    };
    let docket = loading.docket()?;
    let locator = options.consulted.locator()?;
    let index = options.index.as_deref().map(|path| index(path, &options.base)).transpose()?;
    let (log, length) = open(&options.log)?;
    let consulted = replay::Consulted { docket: &docket, locator: &locator, index: index.as_ref(), known };
    let threads = available_parallelism().map_or(1, usize::from);
    let tally = replay::replay(log, consulted, threads, progress(length));
    let tally = tally.map_err(|error| format!("cannot read on in {}: {error}", options.log.display()))?;
    if tally.lines == tally.unreadable && tally.lines > 0 {
        return Err(format!(
            "{}: none of its {} lines is in the common, combined or a JSON format",
            options.log.display(),
            tally.lines
        ));
    }
    let report = Report::of(&docket, &tally, known, question::posture(options.posture));
    if let Some(path) = &options.html {
        whole_file::write(path, report.page(&docket).as_bytes())
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    if options.json { print(&format!("{:#}\n", report.json())) } else { print(&report.table()) }
}

fn index(path: &Path, base: &str) -> Result<Index, String> {
    let bytes = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let second = Index::read_v2(&bytes, base);
    second.or_else(|why| Index::read_v1(&bytes, base).map_err(|_other| format!("{}: {why}", path.display())))
}

/// The log, unpacked if it is packed, and how long its file is.
fn open(path: &Path) -> Result<(Box<dyn Read>, Option<u64>), String> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let fault = |error: io::Error| format!("cannot read {}: {error}", path.display());
    let mut file = File::open(path).map_err(fault)?;
    let length = file.metadata().map_err(fault)?.len();
    let mut magic = Vec::new();
    file.by_ref().take(2).read_to_end(&mut magic).map_err(fault)?;
    let is_packed = magic == [0x1f, 0x8b];
    let whole = io::Cursor::new(magic).chain(file);
    if is_packed { Ok((Box::new(MultiGzDecoder::new(whole)), None)) } else { Ok((Box::new(whole), Some(length))) }
}

/// Tells a terminal how far it is.
fn progress(length: Option<u64>) -> impl FnMut(u64) {
    /// Often enough to be seen moving.
    const EVERY_BYTES: u64 = 64 << 20;
    let mut next = EVERY_BYTES;
    let is_watched = io::stderr().is_terminal();
    move |read| {
        if is_watched && read >= next {
            next = read + EVERY_BYTES;
            match length {
                Some(length) => eprint!("\r{:3} %", read * 100 / length.max(1)),
                None => eprint!("\r{} MB", read >> 20),
            }
        }
    }
}

/// Requests that had one answer for one reason.
#[derive(Clone, Debug)]
struct Part {
    verdict: Verdict,
    app: String,
    place: String,
    provisions: Vec<String>,
    statuses: Vec<&'static str>,
    why: Vec<String>,
    requests: u64,
    first: Time,
    last: Time,
    days: BTreeMap<i64, u64>,
}

/// Everything a report says.
struct Report<'t> {
    tally: &'t Tally,
    parts: Vec<Part>,
    known: Known,
    edition: String,
}

impl<'t> Report<'t> {
    fn of(docket: &Docket, tally: &'t Tally, known: Known, posture: Posture) -> Self {
        let mut parts: Vec<Part> = Vec::new();
        for row in tally.rows() {
            let at = (row.count.first, known.at(row.count.first));
            let asked = (ResourceKind::AndroidPackage, row.package);
            let Some(finding) = judge::ask(docket, asked, row.place.ok(), posture, at) else { continue };
            let place = match row.place {
                Ok(place) => place.code().to_owned(),
                Err(doubt) => format!("not known ({})", doubt.word()),
            };
            let part = Part {
                verdict: finding.verdict,
                app: finding.subject.unwrap_or_else(|| row.package.to_owned()),
                place,
                provisions: finding.grounds.iter().map(|reason| reason.provision.clone()).collect(),
                statuses: finding.possible.iter().map(status_word).collect(),
                why: finding.grounds.into_iter().map(|reason| reason.why).collect(),
                requests: row.count.requests,
                first: row.count.first,
                last: row.count.last,
                days: row.count.days.iter().map(|(day, requests)| (*day, *requests)).collect(),
            };
            let same = |known: &&mut Part| known.key() == part.key();
            match parts.iter_mut().find(same) {
                Some(known) => known.add(part),
                None => parts.push(part),
            }
        }
        parts.sort_by(|a, b| b.verdict.cmp(&a.verdict).then(b.requests.cmp(&a.requests)).then(a.key().cmp(&b.key())));
        Self { tally, parts, known, edition: docket.edition().to_owned() }
    }

    fn sum(&self, verdict: Verdict) -> u64 {
        self.parts.iter().filter(|part| part.verdict == verdict).map(|part| part.requests).sum()
    }

    fn known(&self) -> String {
        match self.known {
            Known::Then => String::from("as known at the time of each request"),
            Known::At(None) => String::from("as known today"),
            Known::At(Some(at)) => format!("as known at {}", format_rfc3339(at)),
        }
    }

    fn span(&self) -> String {
        let span =
            self.tally.span.map(|(first, last)| format!("{} to {}", format_rfc3339(first), format_rfc3339(last)));
        span.unwrap_or_else(|| String::from("no request"))
    }

    fn table(&self) -> String {
        let mut text = String::new();
        let mut line = |words: std::fmt::Arguments<'_>| writeln!(text, "{words}").unwrap_or_default();
        let tally = self.tally;
        line(format_args!("{} lines, {}; {}", tally.lines, self.span(), self.known()));
        line(format_args!("  {:>12}  would have been refused", self.sum(Verdict::Forbid)));
        line(format_args!(
            "  {:>12}  would have been referred (served, unless you chose otherwise)",
            self.sum(Verdict::Refer)
        ));
        line(format_args!("  {:>12}  of apps the law speaks of, permitted", self.sum(Verdict::Permit)));
        line(format_args!("  {:>12}  of other apps, untouched", tally.untouched));
        line(format_args!("  {:>12}  refused with 451 already", tally.refused_already));
        line(format_args!("  {:>12}  about something else", tally.others));
        if tally.unreadable > 0 {
            line(format_args!("  {:>12}  could not be read", tally.unreadable));
        }
        if !self.parts.is_empty() {
            line(format_args!(""));
            line(format_args!(
                "{:>12}  {:<8} {:<14} {:<24} {:<22} paragraph and status",
                "requests", "verdict", "app", "place", "first"
            ));
        }
        for part in &self.parts {
            let (first, provisions) = (format_rfc3339(part.first), part.provisions.join(" + "));
            let why = if provisions.is_empty() { String::from("nothing reaches it") } else { provisions };
            let (verdict, statuses) = (part.verdict.word(), part.statuses.join(" or "));
            let (requests, app, place) = (part.requests, &part.app, &part.place);
            line(format_args!("{requests:>12}  {verdict:<8} {app:<14} {place:<24} {first:<22} {why}: {statuses}"));
        }
        text
    }

    fn json(&self) -> Value {
        let day = |day: i64| format_rfc3339(day * 86_400).chars().take(10).collect::<String>();
        let part = |part: &Part| {
            json!({
                "verdict": part.verdict.word(),
                "app": part.app,
                "place": part.place,
                "provisions": part.provisions,
                "possible": part.statuses,
                "requests": part.requests,
                "first": format_rfc3339(part.first),
                "last": format_rfc3339(part.last),
                "days": part.days.iter().map(|(n, requests)| (day(*n), json!(requests))).collect::<serde_json::Map<_, _>>(),
            })
        };
        let tally = self.tally;
        json!({
            "lines": tally.lines,
            "unreadable": tally.unreadable,
            "first": tally.span.map(|(first, _)| format_rfc3339(first)),
            "last": tally.span.map(|(_, last)| format_rfc3339(last)),
            "known_at": match self.known {
                Known::Then => json!("then"),
                Known::At(at) => json!(at.map(format_rfc3339)),
            },
            "refused": self.sum(Verdict::Forbid),
            "referred": self.sum(Verdict::Refer),
            "permitted": self.sum(Verdict::Permit),
            "untouched": tally.untouched,
            "refused_already": tally.refused_already,
            "others": tally.others,
            "edition": self.edition,
            "parts": self.parts.iter().map(part).collect::<Vec<_>>(),
        })
    }

    fn page(&self, docket: &Docket) -> String {
        let name = |id: &str| docket.registry().get(id).map_or(id.to_owned(), |subject| subject.name().to_owned());
        let body = html! {
            p { (self.tally.lines) " log lines, " (self.span()) "; the law " (self.known()) "." }
            dl {
                div class="forbid" { dt { "would have been refused" } dd { (self.sum(Verdict::Forbid)) } }
                div class="refer" { dt { "would have been referred" } dd { (self.sum(Verdict::Refer)) } }
                div class="permit" { dt { "of apps the law speaks of, permitted" } dd { (self.sum(Verdict::Permit)) } }
                div { dt { "of other apps, untouched" } dd { (self.tally.untouched) } }
            }
            (self.chart())
            table {
                thead { tr { th { "Requests" } th { "Verdict" } th { "App" } th { "Place" } th { "From" } th { "To" } th { "Paragraphs, and why" } } }
                tbody {
                    @for part in &self.parts {
                        tr class=(part.verdict.word()) {
                            td class="number" { (part.requests) }
                            td { (part.verdict.word()) br; small { (part.statuses.join(" or ")) } }
                            td { (name(&part.app)) }
                            td { (part.place) }
                            td.instant { (format_rfc3339(part.first)) }
                            td.instant { (format_rfc3339(part.last)) }
                            td {
                                @for (provision, why) in part.provisions.iter().zip(&part.why) {
                                    p { code { (provision) } " " (why) }
                                }
                                @if part.provisions.is_empty() { "Nothing in force reaches it." }
                            }
                        }
                    }
                }
            }
            p { small { "Law: " (self.edition) ". Of clients nothing is kept but the country." } }
        };
        page("What the law would have refused", STYLE, &body)
    }

    /// Requests for apps the law speaks of, day by day: a bar for each day, refused at the bottom.
    fn chart(&self) -> Markup {
        const WIDTH: f64 = 960.0;
        const HEIGHT: f64 = 220.0;
        /// Bars thinner than this cannot be told apart; then a bar is several days.
        const BARS_MAX: i64 = 320;
        let days = || self.parts.iter().flat_map(|part| part.days.keys().copied());
        let (Some(first), Some(last)) = (days().min(), days().max()) else { return html! {} };
        let step = (last - first) / BARS_MAX + 1;
        let bars = (last - first) / step + 1;
        let mut heights: BTreeMap<i64, [u64; 3]> = BTreeMap::new();
        for part in &self.parts {
            for (day, requests) in &part.days {
                let [forbid, refer, permit] = heights.entry((day - first) / step).or_default();
                match part.verdict {
                    Verdict::Forbid => *forbid += requests,
                    Verdict::Refer => *refer += requests,
                    Verdict::Permit => *permit += requests,
                }
            }
        }
        let most = heights.values().map(|bar| bar.iter().sum::<u64>()).max().unwrap_or(1).max(1);
        let (width, scale) = (WIDTH / bars as f64, HEIGHT / most as f64);
        let date = |day: i64| format_rfc3339(day * 86_400).chars().take(10).collect::<String>();
        let label = format!(
            "Requests a {} for apps the law speaks of, at most {most}",
            if step == 1 { String::from("day") } else { format!("{step} days") }
        );
        html! {
            figure {
                svg viewBox=(format!("0 0 {WIDTH} {}", HEIGHT + 24.0)) role="img" aria-label=(label) {
                    @for (bar, counts) in &heights {
                        @let lower = [0, counts[0], counts[0] + counts[1]];
                        @for ((class, count), below) in ["forbid", "refer", "permit"].iter().zip(counts).zip(lower) {
                            @if *count > 0 {
                                rect class=(class) x=(format!("{:.2}", *bar as f64 * width)) width=(format!("{:.2}", (width - 0.5).max(0.5)))
                                    y=(format!("{:.2}", HEIGHT - (below + count) as f64 * scale)) height=(format!("{:.2}", *count as f64 * scale)) {
                                    title { (date(first + bar * step)) ": " (count) " " (class) }
                                }
                            }
                        }
                    }
                    line x1="0" x2=(WIDTH) y1=(HEIGHT) y2=(HEIGHT) {}
                    text x="0" y=(HEIGHT + 18.0) { (date(first)) }
                    text x=(WIDTH) y=(HEIGHT + 18.0) text-anchor="end" { (date(last)) }
                }
                figcaption { (label) ". " span class="forbid" { "■" } " refused " span class="refer" { "■" } " referred " span class="permit" { "■" } " permitted" }
            }
        }
    }
}

impl Part {
    fn key(&self) -> (&str, &str, &[String], &[&'static str]) {
        (&self.app, &self.place, &self.provisions, &self.statuses)
    }

    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        for (day, requests) in other.days {
            *self.days.entry(day).or_default() += requests;
        }
    }
}

const STYLE: &str = "\
body{font:1rem/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}\
dl{display:flex;flex-wrap:wrap;gap:1rem}dl div{border:1px solid #ccc;border-top:.3rem solid #999;padding:.5rem 1rem}\
dt{font-size:.85rem}dd{margin:0;font-size:1.6rem}dl .forbid{border-top-color:#b3261e}dl .refer{border-top-color:#b26a00}\
dl .permit{border-top-color:#2e6b34}figure{margin:2rem 0}svg{width:100%}svg .forbid{fill:#b3261e}svg .refer{fill:#b26a00}\
svg .permit{fill:#2e6b34}svg line{stroke:#999}svg text{font-size:13px}figcaption .forbid{color:#b3261e}\
figcaption .refer{color:#b26a00}figcaption .permit{color:#2e6b34}table{border-collapse:collapse;width:100%}\
td,th{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid #ddd}td p{margin:0 0 .3rem}\
.number{text-align:right;font-variant-numeric:tabular-nums}.instant{white-space:nowrap;font-size:.85rem}";
