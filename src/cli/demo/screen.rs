//! Where the demo's words go: results to standard output, what is going on to standard error; as a bar or a spinner
//! on a terminal, as one line a step elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;

use crate::demo::Progress;
use crate::human;

/// The terminal, or what stands in its place.
pub(super) struct Screen {
    bar: Option<ProgressBar>,
    /// The step whose line was printed last, where there is no terminal.
    step: Mutex<String>,
}

impl Screen {
    pub(super) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(1000);
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self {
            bar,
            step: Mutex::default(),
        }
    }

    /// A line of the result.
    pub(super) fn say(&self, text: &str) {
        let print = || {
            let mut out = std::io::stdout().lock();
            // Nobody reads on: then there is nobody to tell, and the demo ends by itself.
            let _ = writeln!(out, "{}", human::lines(text)).and_then(|()| out.flush());
        };
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// What is going on now, of unknown length.
    pub(super) fn doing(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_style(style("{spinner} {msg} {elapsed}"));
            bar.reset_elapsed();
        }
        self.show(what);
    }

    /// What is going on now, and how far it is.
    pub(super) fn progress(&self, progress: &Progress) {
        if let Some(bar) = &self.bar {
            bar.set_style(style("{bar:30} {percent:>3} %  {msg}"));
            bar.set_position((progress.fraction * 1000.0) as u64);
        }
        self.show(&progress.what);
    }

    fn show(&self, what: &str) {
        let what = human::line(what);
        if let Some(bar) = &self.bar {
            bar.set_message(what.into_owned());
            return;
        }
        let mut step = self.step.lock();
        if *step != what {
            eprintln!("{what}");
            *step = what.into_owned();
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The templates are constants of this file; a wrong one would only look plain.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
