//! Timelines as SVG: one bar a lane, each stretch with its status as class and title.

use crate::layout::{instant, word};
use docket::docket::Stretch;
use docket::finding::status_word;
use law::Time;
use law::time::{ALWAYS, FOREVER};
use maud::{Markup, html};

/// Drawing width of the time axis, in user units.
const WIDTH: f64 = 960.0;
/// Space for lane names.
const MARGIN: f64 = 230.0;
const LANE: f64 = 30.0;

/// A named lane.
pub(crate) struct Lane {
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
    let height = LANE * lanes.len() as f64 + 28.0;
    let total = WIDTH + MARGIN;
    html! {
        svg viewBox={ "0 0 " (total) " " (height) } role="img" aria-label="Statuses over time; the table below says the same" xmlns="http://www.w3.org/2000/svg" {
            @for year in years(frame) {
                line class="axis" x1=(MARGIN + frame.x(year.1)) x2=(MARGIN + frame.x(year.1)) y1="0" y2=(height - 18.0) {}
                text x=(MARGIN + frame.x(year.1) + 3.0) y=(height - 6.0) { (year.0) }
            }
            @for (n, lane) in lanes.iter().enumerate() {
                text x="0" y=(LANE * n as f64 + 19.0) { (lane.name) }
                @for stretch in &lane.stretches {
                    @let (left, right) = (frame.x(stretch.from), frame.x(stretch.until));
                    @if right - left > 0.01 {
                        rect class=(word(stretch.finding.possible)) x=(MARGIN + left) y=(LANE * n as f64 + 5.0) width=((right - left).max(1.5)) height="20" {
                            title { (lane.name) ": " (label(stretch)) }
                        }
                    }
                }
            }
            line class="now" x1=(MARGIN + frame.x(now)) x2=(MARGIN + frame.x(now)) y1="0" y2=(height - 18.0) {}
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
    let lane = [Lane { name: String::new(), stretches: stretches.to_vec() }];
    let bounded = stretches.iter().map(|s| s.from).filter(|from| *from > ALWAYS).max().unwrap_or(0);
    let picture = lanes(&lane, Frame::around(&lane, bounded), bounded).into_string();
    let colours = "<style>.permitted{fill:#cfe3d3}.excepted{fill:#2c7a86}.stayed{fill:#3f5f9e}.not_enforced{fill:#c98f1b}.prohibited{fill:#a3291f}.undetermined{fill:#6d5a8c}.axis,.now{stroke:#888}text{font:12px serif}</style>";
    picture.replacen('>', &format!(">{colours}"), 1)
}
