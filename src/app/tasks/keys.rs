//! Tasks of the Keys view. Reads only, on connections of its own, so that a scan never holds up a report.

use std::sync::Arc;

use super::{Tasks, keyspace};
use crate::app::event::Event as AppEvent;
use crate::app::state::State;
use crate::app::views::keys::{Command, Event, Opened};
use crate::inspect::{
    Connection, Explorer, InspectError, Pace, Question, describe, owned, page, payload,
};

/// Carries out a command of the view.
pub(super) fn perform(tasks: &mut Tasks, state: &mut State, command: Command) {
    match command {
        Command::Scan => scan(tasks, state),
        Command::Pause(paused) => with(state, |explorer| explorer.pause(paused)),
        Command::SetPace(pace) => with(state, |explorer| explorer.set_pace(pace)),
        Command::Stop => with(state, Explorer::cancel),
        Command::Ask(question) => with(state, |explorer| explorer.ask(*question)),
        Command::Open { name, anyway } => open(tasks, state, name, anyway),
        Command::More => more(tasks, state),
        Command::Sample(draws) => keyspace::draw(tasks, state, draws),
        Command::CompareWith => keyspace::compare_with(tasks, state),
        Command::Export(what) => keyspace::open(state, what),
        Command::Save {
            path,
            what,
            replace,
        } => keyspace::write(tasks, state, path, what, replace),
    }
}

fn with(state: &State, act: impl FnOnce(&Explorer)) {
    if let Some(explorer) = state.keys.explorer() {
        act(explorer);
    }
}

fn scan(tasks: &mut Tasks, state: &mut State) {
    let Some(session) = tasks.session() else {
        return;
    };
    let url = session.workspace.cache.url.clone();
    state.keys.start();
    tasks.spawn(state, None, |task| async move {
        let event = match Connection::open(&url).await {
            Ok(connection) => {
                let wake = task.wake.clone();
                let explorer = Explorer::start(
                    connection.clone(),
                    Pace::Gentle,
                    Question::default(),
                    move || wake(),
                );
                Event::Started {
                    explorer: Arc::new(explorer),
                    connection,
                }
            }
            Err(error) => Event::Failed(error.to_string()),
        };
        task.send(AppEvent::Keys(event)).await;
    });
}

fn open(tasks: &mut Tasks, state: &mut State, name: Vec<u8>, anyway: bool) {
    let Some(session) = tasks.session() else {
        return;
    };
    let (url, prefix) = (
        session.workspace.cache.url.clone(),
        session.workspace.cache.prefix.clone(),
    );
    let known = state.keys.connection().cloned();
    tasks.spawn(state, None, |task| async move {
        let read = async {
            let connection = match known {
                Some(connection) => connection,
                None => Connection::open(&url).await?,
            };
            let about = describe(&connection, &name).await?;
            let first = page(&connection, &about, None, anyway).await?;
            let ours = owned(&prefix, &name, &first.value);
            let table = match &ours {
                // The header is worth showing even where its rows cannot be read.
                Some(ours) => payload(&connection, &prefix, &name, ours)
                    .await
                    .unwrap_or_default(),
                None => None,
            };
            Ok::<_, InspectError>(Box::new(Opened::new(about, first, ours, table)))
        };
        let result = read.await.map_err(|error| error.to_string());
        task.send(AppEvent::Keys(Event::Opened { name, result }))
            .await;
    });
}

fn more(tasks: &mut Tasks, state: &mut State) {
    let (Some(connection), Some(opened)) = (state.keys.connection().cloned(), state.keys.opened())
    else {
        return;
    };
    let (about, next) = (opened.about.clone(), opened.next.clone());
    tasks.spawn(state, None, |task| async move {
        let result = page(&connection, &about, next.as_ref(), true)
            .await
            .map_err(|error| error.to_string());
        task.send(AppEvent::Keys(Event::More {
            name: about.name,
            result,
        }))
        .await;
    });
}
