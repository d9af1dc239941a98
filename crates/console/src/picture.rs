//! Timelines as SVG: one bar a lane, each stretch with its status as class and title.

use crate::layout::{instant, word};
use docket::docket::Stretch;
use docket::finding::status_word;
use law::Time;
use law::time::{ALWAYS, FOREVER};
use maud::{Markup, html};

/// Drawing width of the time axis, in user units.
const WIDTH: f64 = 1_080.0;
/// Space for the acts; who and where stands above its lanes, so that a small screen shows time and not names.
const MARGIN: f64 = 130.0;
const LANE: f64 = 26.0;
/// Space for the years, above the lanes.
const HEAD: f64 = 22.0;
/// Stretches narrower than this together have no room for their status in words.
const WORDS_WIDTH_MIN: f64 = 78.0;
/// A year that begins nearer to the end has no room for its number.
const YEAR_WIDTH_MIN: f64 = 36.0;

/// A named lane.
pub(crate) struct Lane {
    /// Who and where; written once for lanes that share it.
    pub(crate) group: String,
    /// The act.
    pub(crate) name: String,
    pub(crate) stretches: Vec<Stretch>,
}

/// The stretch of time a picture shows.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) from: Time,
    pub(crate) until: Time,
}

impl Frame {
    /// From shortly before the first change to shortly after the last, the present included.
    pub(crate) fn around(lanes: &[Lane], now: Time) -> Self {
        let edges = lanes.iter().flat_map(|lane| &lane.stretches).flat_map(|s| [s.from, s.until]);
        let edges = || edges.clone().filter(|at| *at > ALWAYS && *at < FOREVER).chain([now]);
        let (first, last) = (edges().min().unwrap_or(now), edges().max().unwrap_or(now));
        let pad = ((last - first) / 25).max(86_400 * 14);
        Self { from: first - pad, until: last + pad }
    }

    fn x(self, at: Time) -> f64 {
        let clamped = at.clamp(self.from, self.until);
        (clamped - self.from) as f64 / (self.until - self.from) as f64 * WIDTH
    }
}

/// Lanes over a common axis.
pub(crate) fn lanes(lanes: &[Lane], frame: Frame, now: Time) -> Markup {
    let (tops, end) = layout(lanes);
    let height = end + 4.0;
    let total = WIDTH + MARGIN;
    html! {
        svg viewBox={ "0 0 " (total) " " (height) } role="img" aria-label="Statuses over time; the table below says the same" xmlns="http://www.w3.org/2000/svg" {
            (patterns())
            @for (year, at) in years(frame) {
                line class="axis" x1=(MARGIN + frame.x(at)) x2=(MARGIN + frame.x(at)) y1="4" y2=(height) {}
                @if frame.x(at) + YEAR_WIDTH_MIN < WIDTH { text x=(MARGIN + frame.x(at) + 4.0) y="14" { (year) } }
            }
            @for (lane, (top, named)) in lanes.iter().zip(tops) {
                @if named {
                    line class="axis" x1="0" x2=(total) y1=(top - LANE) y2=(top - LANE) {}
                    text class="group" x="0" y=(top - 8.0) { (lane.group) }
                }
                text class="act" x="0" y=(top + 17.0) { (lane.name) }
                @for stretch in &lane.stretches { (bar(lane, stretch, frame, top)) }
                (words(lane, frame, top))
            }
            line class="now" x1=(MARGIN + frame.x(now)) x2=(MARGIN + frame.x(now)) y1="4" y2=(height) {}
        }
    }
}

/// Where each lane begins and whether its group is named above it, and where the last one ends.
fn layout(lanes: &[Lane]) -> (Vec<(f64, bool)>, f64) {
    let mut top = HEAD;
    let mut above = "";
    let mut tops = Vec::new();
    for lane in lanes {
        let named = lane.group != above;
        top += if named { LANE } else { 0.0 };
        tops.push((top, named));
        top += LANE;
        above = &lane.group;
    }
    (tops, top)
}

/// The status in words, once for neighbouring stretches that share it and where there is room.
fn words(lane: &Lane, frame: Frame, top: f64) -> Markup {
    let same = |a: &Stretch, b: &Stretch| a.finding.possible == b.finding.possible;
    html! { @for run in lane.stretches.chunk_by(same) {
        @if let (Some(first), Some(last)) = (run.first(), run.last()) {
            @let status = word(first.finding.possible);
            @let (left, right) = (frame.x(first.from), frame.x(last.until));
            @if status != "permitted" && right - left > WORDS_WIDTH_MIN {
                text class="in" x=(MARGIN + left + 6.0) y=(top + 17.5) { (status.replace('_', " ")) }
            }
        }
    } }
}

/// A stretch: colour and pattern, so that neither is needed.
fn bar(lane: &Lane, stretch: &Stretch, frame: Frame, top: f64) -> Markup {
    let status = word(stretch.finding.possible);
    let (left, right) = (MARGIN + frame.x(stretch.from), MARGIN + frame.x(stretch.until));
    let width = (right - left).max(1.5);
    // What is permitted is a thread, so that what is not stands out without its colour.
    let (y, height) = if status == "permitted" { (top + 12.0, 3.0) } else { (top + 4.0, 19.0) };
    html! {
        @if right - left > 0.01 {
            g {
                title { (lane.group) " " (lane.name) ": " (label(stretch)) }
                rect class=(status) x=(left) y=(y) width=(width) height=(height) {}
                @if let Some(pattern) = pattern(status) { rect fill=(pattern) x=(left) y=(y) width=(width) height=(height) {} }
            }
        }
    }
}

fn pattern(status: &str) -> Option<&'static str> {
    match status {
        "stayed" => Some("url(#dots)"),
        "not_enforced" => Some("url(#rising)"),
        "excepted" => Some("url(#falling)"),
        "undetermined" => Some("url(#level)"),
        _ => None,
    }
}

fn patterns() -> Markup {
    html! {
        defs {
            pattern id="rising" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" { line class="hatch" x1="0" x2="0" y1="0" y2="7" {} }
            pattern id="falling" width="9" height="9" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)" { line class="hatch" x1="0" x2="0" y1="0" y2="9" {} }
            pattern id="level" width="6" height="5" patternUnits="userSpaceOnUse" { line class="hatch" x1="0" x2="6" y1="2" y2="2" {} }
            pattern id="dots" width="7" height="7" patternUnits="userSpaceOnUse" { circle class="dot" cx="3" cy="3" r="1.1" {} }
        }
    }
}

fn label(stretch: &Stretch) -> String {
    let statuses: Vec<&str> = stretch.finding.possible.iter().map(status_word).collect();
    format!("{}, from {} until {}", statuses.join(" or "), instant(stretch.from), instant(stretch.until))
}

/// The first instants of the years in a frame.
fn years(frame: Frame) -> Vec<(i64, Time)> {
    let year_of = |at: Time| docket::moment::format_rfc3339(at).get(..4).and_then(|y| y.parse::<i64>().ok());
    let (Some(first), Some(last)) = (year_of(frame.from), year_of(frame.until)) else { return Vec::new() };
    let start = |year: i64| docket::moment::parse_rfc3339(&format!("{year:04}-01-01T00:00:00Z")).ok();
    (first + 1..=last).filter_map(|year| Some((year, start(year)?))).collect()
}

/// One timeline as a picture of its own, style included.
#[must_use]
pub fn timeline(stretches: &[Stretch]) -> String {
    let lane = [Lane { group: String::new(), name: String::new(), stretches: stretches.to_vec() }];
    let bounded = stretches.iter().map(|s| s.from).filter(|from| *from > ALWAYS).max().unwrap_or(0);
    let picture = lanes(&lane, Frame::around(&lane, bounded), bounded).into_string();
    let colours = "<style>.permitted{fill:#cfe3d3}.excepted{fill:#2c7a86}.stayed{fill:#3f5f9e}.not_enforced{fill:#c98f1b}.prohibited{fill:#a3291f}.undetermined{fill:#6d5a8c}.axis,.now{stroke:#888}.hatch{stroke:#fff;stroke-width:2.5;opacity:.4}.dot{fill:#fff;opacity:.6}text{font:12px serif}.in{fill:#fff}</style>";
    picture.replacen('>', &format!(">{colours}"), 1)
}
