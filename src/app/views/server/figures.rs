//! The lines of the charts, made when a sample came and not in every frame.

use chrono::{DateTime, TimeDelta, Utc};

use crate::app::widgets::plot;
use crate::app::widgets::time_chart::thin;
use crate::inspect::server::{Figure, History};

/// How many stretches of time a chart tells apart.
const STRETCHES: f64 = 150.0;

/// The span of time that is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Span {
    /// The last five minutes.
    #[default]
    Five,
    /// The last quarter of an hour.
    Quarter,
    /// The last hour, which is all that is kept.
    Hour,
}

impl Span {
    /// Every span, in the order of the menu.
    pub const ALL: [Self; 3] = [Self::Five, Self::Quarter, Self::Hour];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Five => "Last 5 minutes",
            Self::Quarter => "Last 15 minutes",
            Self::Hour => "Last hour",
        }
    }

    fn length(self) -> TimeDelta {
        match self {
            Self::Five => TimeDelta::minutes(5),
            Self::Quarter => TimeDelta::minutes(15),
            Self::Hour => TimeDelta::hours(1),
        }
    }
}

const DRAWN: [Figure; 14] = [
    Figure::HitRatio,
    Figure::Hits,
    Figure::Misses,
    Figure::Commands,
    Figure::Expired,
    Figure::Evicted,
    Figure::NetIn,
    Figure::NetOut,
    Figure::Used,
    Figure::Resident,
    Figure::Limit,
    Figure::Fragmentation,
    Figure::Clients,
    Figure::Blocked,
];

/// The lines of every chart.
#[derive(Debug, Default)]
pub(super) struct Figures {
    lines: Vec<(Figure, Vec<Vec<[f64; 2]>>)>,
    /// The first and the last moment.
    pub span: (f64, f64),
    /// When the server was restarted.
    pub restarts: Vec<f64>,
    made: Option<(u64, Span, i64)>,
}

impl Figures {
    /// Brings the lines up to date where a sample came, the span changed or a second passed.
    pub(super) fn update(&mut self, history: &History, span: Span, now: DateTime<Utc>) {
        let key = (history.version(), span, now.timestamp());
        if self.made == Some(key) {
            return;
        }
        self.made = Some(key);
        let oldest = history.first_at().unwrap_or(now);
        // What is younger than a minute is not stretched over the whole width.
        let from = (now - span.length()).max(oldest.min(now - TimeDelta::minutes(1)));
        self.span = (plot::seconds(from), plot::seconds(now));
        self.lines = DRAWN
            .into_iter()
            .map(|figure| {
                let lines = history.lines(figure, from);
                (figure, thin(lines, self.span, STRETCHES))
            })
            .collect();
        let restarts = history.restarts().into_iter().map(plot::seconds);
        self.restarts = restarts.filter(|at| *at >= self.span.0).collect();
    }

    /// The lines of a figure.
    pub(super) fn of(&self, wanted: Figure) -> &[Vec<[f64; 2]>] {
        self.lines
            .iter()
            .find(|(figure, _)| *figure == wanted)
            .map_or(&[], |(_, lines)| lines)
    }
}
