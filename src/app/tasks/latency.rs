//! Tasks of the Latency view: races.

use std::sync::Arc;
use std::time::Duration;

use super::Tasks;
use crate::app::command::View;
use crate::app::event::Event as AppEvent;
use crate::app::state::State;
use crate::app::theme::Tone;
use crate::app::views::latency::{Command, Event, Race};
use crate::demo::Demo;
use crate::engine::EngineError;
use crate::engine::race::{race, settle};
use crate::source::SourceError;

/// How long a race waits for a fresh entry before it begins with a stale one.
const SETTLE: Duration = Duration::from_mins(3);

/// The demo's writer rests until this is dropped, however the race ends.
struct Rest {
    demo: Arc<Demo>,
    rate: u32,
}

impl Rest {
    fn begin(demo: Arc<Demo>) -> Self {
        let rate = demo.orders_per_minute();
        demo.set_orders_per_minute(0);
        Self { demo, rate }
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        // Unless somebody chose another rate meanwhile.
        if self.demo.orders_per_minute() == 0 {
            self.demo.set_orders_per_minute(self.rate);
        }
    }
}

/// Carries out a command of the view.
pub(super) fn perform(tasks: &mut Tasks, state: &mut State, command: Command) {
    match command {
        Command::Race {
            report,
            given,
            pairs,
        } => start(tasks, state, &report, &given, pairs),
        Command::CloseRace => end(tasks, state),
    }
}

fn end(tasks: &mut Tasks, state: &mut State) {
    if let Some(task) = state.latency.race.take().and_then(|race| race.task) {
        tasks.cancel(task);
    }
}

fn start(
    tasks: &mut Tasks,
    state: &mut State,
    name: &str,
    given: &[(String, String)],
    pairs: usize,
) {
    end(tasks, state);
    let Some(session) = tasks.session() else {
        return;
    };
    let engine = session.engine.clone();
    let demo = session.demo.clone();
    let report = match session.workspace.report(name) {
        Ok(report) => Arc::new(report.clone()),
        Err(error) => return state.toast(Tone::Error, error.to_string()),
    };
    let params = match report.bind(given) {
        Ok(params) => params,
        Err(error) => return state.toast(Tone::Error, error.to_string()),
    };
    state.view = View::Latency;
    let mut begun = Race::new(name.to_owned(), params.summary(), pairs, state.clock.now);
    let what = format!("Racing {name}");
    let id = tasks.spawn(state, Some(what), move |task| async move {
        let laps = task.clone();
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let forward = tokio::spawn(async move {
            while let Some(lap) = receiver.recv().await {
                let event = Event::Lap { task: laps.id, lap };
                if !laps.send(AppEvent::Latency(event)).await {
                    return;
                }
            }
        });
        let mut done = 0;
        // "Nothing else changed" holds in the demo because its writer rests meanwhile.
        let _rest = demo.map(Rest::begin);
        settle(&engine, &report, &params, SETTLE, &task.cancel).await;
        let result = race(&engine, &report, &params, pairs, &task.cancel, |lap| {
            done += 1;
            task.progress("", Some(done as f32 / (2 * pairs) as f32));
            let _ = sender.send(lap);
        })
        .await;
        drop(sender);
        let _ = forward.await;
        let error = match result {
            Ok(()) | Err(EngineError::Source(SourceError::Cancelled)) => None,
            Err(error) => Some(error.to_string()),
        };
        let ended = Event::RaceEnded {
            task: task.id,
            error,
        };
        task.send(AppEvent::Latency(ended)).await;
    });
    begun.task = Some(id);
    state.latency.race = Some(begun);
}
