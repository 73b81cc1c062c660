//! Progress of long work: a bar on a terminal, nothing when piped.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::human;

/// A line that shows what runs, for how long, and how many rows came.
#[derive(Clone)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Shown only where standard error is a terminal and `shown` is true (rows that stream into the same terminal
    /// would be torn apart by it).
    pub(crate) fn new(what: &str, shown: bool) -> Self {
        let target = if shown {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target)
            .with_style(style("{spinner} {msg}  {elapsed}  {human_pos} rows"));
        bar.set_message(human::line(what).into_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    /// The number of rows that will come, where it is known.
    pub(crate) fn expect(&self, rows: Option<u64>) {
        if let Some(rows) = rows {
            self.0.set_length(rows);
            self.0.set_style(style(
                "{msg}  {wide_bar} {human_pos} of {human_len} rows  {eta}",
            ));
        }
    }

    /// What is counted instead of rows, and how much of it will come, where that is known.
    pub(crate) fn count(&self, what: &str, all: Option<u64>) {
        match all {
            Some(all) => {
                self.0.set_length(all);
                self.0.set_style(style(&format!(
                    "{{msg}}  {{wide_bar}} {{human_pos}} of {{human_len}} {what}  {{eta}}"
                )));
            }
            None => self.0.set_style(style(&format!(
                "{{spinner}} {{msg}}  {{elapsed}}  {{human_pos}} {what}"
            ))),
        }
    }

    /// Rows so far.
    pub(crate) fn rows(&self, rows: u64) {
        self.0.set_position(rows);
    }

    /// Another sentence.
    pub(crate) fn say(&self, what: &str) {
        self.0.set_message(human::line(what).into_owned());
    }

    /// Takes the line away, so that what is printed next stands alone.
    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
