//! Tasks of the Keys view, on connections of its own, so that a scan never holds up a report. They read, and write only
//! while the view's lock is unlocked.

use std::sync::Arc;
use std::time::Duration;

use super::wake::Parts;
use super::{Task, Tasks, change, keyspace};
use crate::app::command::View;
use crate::app::event::Event as AppEvent;
use crate::app::format;
use crate::app::state::State;
use crate::app::theme::Tone;
use crate::app::views::keys::{Bytes, Command, Dialog, Event, Opened, Which};
use crate::inspect::{
    Answered, Connection, Continue, Explorer, InspectError, Kind, Page, Question, ScanOptions,
    Value, Watch, as_pattern, describe, facts, find_text, groups, owned, page, payload, search,
    tail, turn_on_notices,
};

/// Keys that change all the time are drawn again so often at most, as often as their TTLs count down.
const SETTLED: Duration = Duration::from_secs(1);
/// How often a followed stream is asked for new entries.
const FOLLOW: Duration = Duration::from_secs(1);
/// A key that changes all the time is read again so often at most.
const REFRESH: Duration = Duration::from_millis(500);

/// Carries out a command of the view.
pub(super) fn perform(tasks: &mut Tasks, state: &mut State, command: Command) {
    match command {
        Command::Scan => scan(tasks, state),
        Command::CountElements => {
            state.keys.count_elements();
            scan(tasks, state);
        }
        Command::Pause(paused) => with(state, |explorer| explorer.pause(paused)),
        Command::SetPace(pace) => with(state, |explorer| explorer.set_pace(pace)),
        Command::Stop => with(state, Explorer::cancel),
        Command::TurnOnNotices => turn_on(tasks, state),
        Command::Jump(at) => jump(tasks, state, at),
        Command::Open { name, anyway } => {
            watch(tasks, state, &name);
            open(tasks, state, name, anyway);
        }
        Command::More => more(tasks, state),
        Command::Decode { which, chosen } => decode(tasks, state, which, chosen),
        Command::Search(pattern) => look_for(tasks, state, pattern),
        Command::Groups => read_groups(tasks, state),
        Command::Follow(on) => follow(tasks, state, on),
        Command::AskUnlock => {
            if let Some(open) = &state.open {
                let address = open.workspace.cache.url.to_string();
                state.keys.ask_with(Dialog::unlock(address));
            }
        }
        Command::Unlock(unlocked) => state.keys.lock().set_unlocked(unlocked),
        Command::AskDownload => change::ask_download(state),
        Command::Download { path, replace } => change::download_to(tasks, state, path, replace),
        Command::Change(one) => change::one(tasks, state, one),
        Command::Preview => change::count(tasks, state),
        Command::ChangeMany(bulk) => change::many(tasks, state, bulk),
        Command::Ask(question) => with(state, |explorer| explorer.ask(*question)),
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
    let lock = state.keys.lock().clone();
    let options = ScanOptions {
        count_anyway: state.keys.counts_elements(),
        ..ScanOptions::default()
    };
    tasks.spawn(state, None, |task| async move {
        let event = match Connection::open_with(&url, lock).await {
            Ok(connection) => {
                let waker = task.waker.clone();
                let wake = move |news| {
                    let time = if news == Answered::Changes {
                        SETTLED
                    } else {
                        Duration::ZERO
                    };
                    waker.wake_within(Parts::view(View::Keys), time);
                };
                let explorer =
                    Explorer::start(connection.clone(), options, Question::default(), wake);
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

/// Lets the server tell of its changes.
fn turn_on(tasks: &mut Tasks, state: &mut State) {
    let (Some(connection), Some(explorer)) = (
        state.keys.connection().cloned(),
        state.keys.explorer().cloned(),
    ) else {
        return;
    };
    tasks.spawn(state, None, |task| async move {
        match turn_on_notices(&connection).await {
            Ok(()) => {
                explorer.look_for_notices();
                let told = "Done: CONFIG SET notify-keyspace-events, until the server restarts";
                task.message(Tone::Hit, told).await;
            }
            Err(error) => {
                let told = format::sentence(&error.to_string());
                task.message(Tone::Error, told).await;
            }
        }
    });
}

/// Reads the page that begins at an index, a rank or a byte.
fn jump(tasks: &mut Tasks, state: &mut State, at: u64) {
    let (Some(connection), Some(opened)) = (state.keys.connection().cloned(), state.keys.opened())
    else {
        return;
    };
    let about = opened.about.clone();
    tasks.spawn(state, None, |task| async move {
        let result = opened_at(&connection, about.clone(), at, None).await;
        let (name, result) = (about.name, result.map_err(|error| error.to_string()));
        task.send(AppEvent::Keys(Event::Opened { name, result }))
            .await;
    });
}

/// The page that begins there, ready to be drawn; `told` says why it is shown.
async fn opened_at(
    connection: &Connection,
    about: crate::inspect::About,
    at: u64,
    told: Option<String>,
) -> Result<Box<Opened>, InspectError> {
    let from = Continue::Offset(at);
    let page = page(connection, &about, Some(&from), true).await?;
    tokio::task::spawn_blocking(move || {
        let mut opened = Opened::new(about, page, None, None);
        opened.from = at;
        opened.told = told;
        Box::new(opened)
    })
    .await
    .map_err(|_| InspectError::Answer("LRANGE".into()))
}

/// Reads a key's description and first page, and makes them ready; decoding takes milliseconds, and is done beside the
/// runtime's threads.
async fn read(
    connection: &Connection,
    prefix: &str,
    name: &[u8],
    anyway: bool,
) -> Result<Box<Opened>, InspectError> {
    let about = describe(connection, name).await?;
    let first = page(connection, &about, None, anyway).await?;
    let ours = owned(prefix, name, &first.value);
    let table = match &ours {
        // The header is worth showing even where its rows cannot be read.
        Some(ours) => payload(connection, prefix, name, ours)
            .await
            .unwrap_or_default(),
        None => None,
    };
    let extra = facts(connection, &about, &first.value).await;
    tokio::task::spawn_blocking(move || {
        let mut opened = Opened::new(about, first, ours, table);
        opened.set_extra(extra);
        Box::new(opened)
    })
    .await
    .map_err(|_| InspectError::Answer("GETRANGE".into()))
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
        let reading = async {
            let connection = match known {
                Some(connection) => connection,
                None => Connection::open(&url).await?,
            };
            read(&connection, &prefix, &name, anyway).await
        };
        let result = reading.await.map_err(|error| error.to_string());
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
    let pattern = opened.search.as_ref().map(|(pattern, _)| pattern.clone());
    let before = opened.raw().map(|(bytes, _)| bytes.to_vec());
    let chosen = opened.chosen().to_vec();
    tasks.spawn(state, None, |task| async move {
        let reading = async {
            let page = match pattern {
                Some(pattern) => {
                    search(&connection, &about, pattern.as_bytes(), next.as_ref())
                        .await?
                        .page
                }
                None => page(&connection, &about, next.as_ref(), true).await?,
            };
            let bytes = match (before, &page.value) {
                (Some(mut all), Value::String { bytes, .. }) => {
                    all.extend_from_slice(bytes);
                    let whole = page.next.is_none();
                    decoded(all, whole, chosen).await
                }
                _ => None,
            };
            Ok::<(Page, Option<Bytes>), InspectError>((page, bytes))
        };
        let result = reading.await.map_err(|error| error.to_string());
        task.send(AppEvent::Keys(Event::More {
            name: about.name,
            result,
        }))
        .await;
    });
}

/// Decodes beside the runtime's threads.
async fn decoded(
    bytes: Vec<u8>,
    whole: bool,
    chosen: Vec<crate::inspect::Decoder>,
) -> Option<Bytes> {
    tokio::task::spawn_blocking(move || Bytes::new(&bytes, whole, chosen))
        .await
        .ok()
}

fn decode(
    tasks: &mut Tasks,
    state: &mut State,
    which: Which,
    chosen: Vec<crate::inspect::Decoder>,
) {
    let Some(opened) = state.keys.opened() else {
        return;
    };
    let found = match which {
        Which::Value => opened.raw(),
        Which::Element(row) => opened.element(row).map(|(_, bytes)| (bytes, true)),
    };
    let Some((bytes, whole)) = found.map(|(bytes, whole)| (bytes.to_vec(), whole)) else {
        return;
    };
    let name = opened.about.name.clone();
    tasks.spawn(state, None, |task| async move {
        if let Some(bytes) = decoded(bytes, whole, chosen).await {
            let bytes = Box::new(bytes);
            task.send(AppEvent::Keys(Event::Decoded { name, which, bytes }))
                .await;
        }
    });
}

fn look_for(tasks: &mut Tasks, state: &mut State, typed: String) {
    let (Some(connection), Some(opened)) = (state.keys.connection().cloned(), state.keys.opened())
    else {
        return;
    };
    let about = opened.about.clone();
    if typed.is_empty() {
        open(tasks, state, about.name, false);
        return;
    }
    if about.kind == Kind::String {
        return find(tasks, state, typed);
    }
    let label = format!(
        "Searching {}",
        crate::inspect::display(&about.name[..about.name.len().min(40)])
    );
    tasks.spawn(state, Some(label), |task| async move {
        let pattern = as_pattern(&typed);
        let searching = async {
            let found = search(&connection, &about, pattern.as_bytes(), None).await?;
            let mut opened = Opened::new(about.clone(), found.page, None, None);
            opened.search = Some((pattern.clone(), found.looked_at));
            Ok::<_, InspectError>(Box::new(opened))
        };
        let result = searching.await.map_err(|error| error.to_string());
        let name = about.name.clone();
        task.send(AppEvent::Keys(Event::Opened { name, result }))
            .await;
    });
}

/// Looks for text in a string, from behind what is shown on, and shows where it stands.
fn find(tasks: &mut Tasks, state: &mut State, text: String) {
    let (Some(connection), Some(opened)) = (state.keys.connection().cloned(), state.keys.opened())
    else {
        return;
    };
    let about = opened.about.clone();
    let from = opened.find_from(&text);
    let all = about.elements.unwrap_or_default().max(1);
    let label = format!("Looking for {text}");
    tasks.spawn(state, Some(label), |task| async move {
        let reporter = task.clone();
        let looking = find_text(
            &connection,
            &about,
            text.as_bytes(),
            from,
            &task.cancel,
            |done| {
                reporter.progress("", Some(done as f32 / all as f32));
            },
        );
        let sought = match looking.await {
            Ok(sought) => sought,
            Err(error) => {
                task.message(Tone::Error, format::sentence(&error.to_string()))
                    .await;
                return;
            }
        };
        let name = about.name.clone();
        let Some(at) = sought.at else {
            let range = format!(
                "in bytes {} to {}",
                format::count(from),
                format::count(sought.until)
            );
            let told = match (sought.until >= all, task.cancel.is_cancelled()) {
                (true, _) => format!("Not found {range}, the end"),
                (_, true) => format!("Cancelled; not found {range}"),
                _ => format!("Not found {range}; search again to go on"),
            };
            let event = Event::Sought {
                name,
                text,
                until: sought.until % all,
                told,
            };
            task.send(AppEvent::Keys(event)).await;
            return;
        };
        let told = format!("Found at byte {}", format::count(at));
        let result = opened_at(&connection, about, at, Some(told)).await;
        let result = result.map_err(|error| error.to_string()).map(|mut opened| {
            opened.sought = Some((text, at + 1));
            opened
        });
        task.send(AppEvent::Keys(Event::Opened { name, result }))
            .await;
    });
}

fn read_groups(tasks: &mut Tasks, state: &mut State) {
    let (Some(connection), Some(opened)) = (state.keys.connection().cloned(), state.keys.opened())
    else {
        return;
    };
    let name = opened.about.name.clone();
    tasks.spawn(state, None, |task| async move {
        let result = groups(&connection, &name)
            .await
            .map_err(|error| error.to_string());
        task.send(AppEvent::Keys(Event::Groups { name, result }))
            .await;
    });
}

/// Ends what watched the key before, and begins to watch this one.
fn watch(tasks: &mut Tasks, state: &mut State, name: &[u8]) {
    let Some(connection) = state.keys.connection().cloned() else {
        return;
    };
    let name = name.to_vec();
    let id = tasks.spawn(state, None, |task| async move {
        // A server or an account without tracking leaves the key as it was read.
        let cancel = task.cancel.clone();
        let watching = async {
            let Ok(mut watch) = Watch::start(&connection, &name).await else {
                return;
            };
            while watch.changed(&connection).await {
                if !task
                    .send(AppEvent::Keys(Event::Touched(name.clone())))
                    .await
                {
                    break;
                }
                tokio::time::sleep(REFRESH).await;
            }
        };
        tokio::select! {
            () = cancel.cancelled() => {}
            () = watching => {}
        }
    });
    if let Some(before) = state.keys.set_watch(Some(id), false) {
        tasks.cancel(before);
    }
}

fn follow(tasks: &mut Tasks, state: &mut State, on: bool) {
    let (Some(connection), Some(opened)) = (state.keys.connection().cloned(), state.keys.opened())
    else {
        return;
    };
    let name = opened.about.name.clone();
    if !on {
        watch(tasks, state, &name);
        open(tasks, state, name, false);
        return;
    }
    let id = tasks.spawn(state, None, |task| async move {
        let cancel = task.cancel.clone();
        tokio::select! {
            () = cancel.cancelled() => {}
            () = tail_of(&task, &connection, &name) => {}
        }
    });
    if let Some(before) = state.keys.set_watch(Some(id), true) {
        tasks.cancel(before);
    }
}

async fn tail_of(task: &Task, connection: &Connection, name: &[u8]) {
    let mut last: Option<String> = None;
    let mut tick = tokio::time::interval(FOLLOW);
    loop {
        tick.tick().await;
        let Ok(entries) = tail(connection, name, last.as_deref()).await else {
            return;
        };
        let first = last.is_none();
        if let Some(entry) = entries.last() {
            last = Some(entry.id.clone());
        } else if first {
            // Everything that is added comes after this.
            last = Some("0-0".to_owned());
        }
        if (first || !entries.is_empty())
            && !task
                .send(AppEvent::Keys(Event::Tail {
                    name: name.to_vec(),
                    entries,
                    first,
                }))
                .await
        {
            return;
        }
    }
}
