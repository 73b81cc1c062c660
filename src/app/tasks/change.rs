//! Tasks of the Keys view that write: changes of keys, and values to files.

use std::path::PathBuf;

use super::Tasks;
use crate::app::event::Event as AppEvent;
use crate::app::state::State;
use crate::app::theme::Tone;
use crate::app::views::keys::{Dialog, Event};
use crate::inspect::{
    Bulk, Change, DownloadError, Kind, News, apply, carry_out, display, download, preview,
};

/// Opens the dialog with a file name to begin with.
pub(super) fn ask_download(state: &mut State) {
    let Some(opened) = state.keys.opened() else {
        return;
    };
    let name = display(&opened.about.name[..opened.about.name.len().min(80)]);
    let name: String = name
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') {
                c
            } else {
                '-'
            }
        })
        .collect();
    let ending = match opened.about.kind {
        Kind::String => "bin",
        Kind::Json => "json",
        _ => "jsonl",
    };
    let folder = super::export::usual_folder().unwrap_or_default();
    let path = folder.join(format!("{}.{ending}", name.trim_matches('.')));
    state.keys.ask_with(Dialog::download(path));
}

/// Writes the opened value to a file.
pub(super) fn download_to(tasks: &mut Tasks, state: &mut State, path: PathBuf, replace: bool) {
    let (Some(connection), Some(opened)) = (state.keys.connection().cloned(), state.keys.opened())
    else {
        return;
    };
    let about = opened.about.clone();
    let what = format!(
        "Downloading {}",
        display(&about.name[..about.name.len().min(40)])
    );
    let id = tasks.spawn(state, Some(what), |task| async move {
        if !replace && tokio::fs::try_exists(&path).await.unwrap_or(false) {
            task.send(AppEvent::Keys(Event::FileTaken)).await;
            return;
        }
        let all = about.elements.unwrap_or_default().max(1);
        let reporter = task.clone();
        let written = download(&connection, &about, &path, &task.cancel, |done| {
            reporter.progress("", Some(done as f32 / all as f32));
        })
        .await;
        match written {
            Ok(saved) => {
                let written = format!("Written to {}", path.display());
                let (tone, words) = if saved.changed {
                    let meanwhile =
                        "the value changed meanwhile, so what came or went may be in it or not";
                    (Tone::Stale, format!("{written}; {meanwhile}"))
                } else {
                    (Tone::Hit, written)
                };
                task.message(tone, words).await;
                task.send(AppEvent::Keys(Event::Done)).await;
            }
            Err(DownloadError::Cancelled) => {
                task.message(
                    Tone::Stale,
                    "The download was cancelled; no file was written",
                )
                .await;
                task.send(AppEvent::Keys(Event::Done)).await;
            }
            Err(error) => {
                task.send(AppEvent::Keys(Event::Undone(error.to_string())))
                    .await;
            }
        }
    });
    if let Some(dialog) = state.keys.dialog() {
        dialog.runs(id);
    }
}

/// Changes one key.
pub(super) fn one(tasks: &mut Tasks, state: &mut State, change: Change) {
    let Some(connection) = state.keys.connection().cloned() else {
        return;
    };
    let explorer = state.keys.explorer().cloned();
    let id = tasks.spawn(state, None, |task| async move {
        match apply(&connection, &change).await {
            Ok(()) => {
                // The table follows at once, whether or not the server tells of its changes.
                for (key, news) in change.news() {
                    if let Some(explorer) = &explorer {
                        explorer.tell(key, news);
                    }
                }
                let sent = change.shown();
                let short: String = sent
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .chars()
                    .take(60)
                    .collect();
                task.message(Tone::Hit, format!("Done: {short}")).await;
                task.send(AppEvent::Keys(Event::Changed(change))).await;
            }
            Err(error) => {
                task.send(AppEvent::Keys(Event::Undone(error.to_string())))
                    .await;
            }
        }
    });
    if let Some(dialog) = state.keys.dialog() {
        dialog.runs(id);
    }
}

/// The keys of the dialog that is open, by name, gathered beside the runtime's threads: there may be millions.
async fn names(view: std::sync::Arc<crate::inspect::View>) -> Vec<Vec<u8>> {
    tokio::task::spawn_blocking(move || {
        let name = |row: &crate::inspect::RowId| view.keys.name(*row).to_vec();
        view.rows.iter().map(name).collect()
    })
    .await
    .unwrap_or_default()
}

/// The keys that the dialog is about.
fn chosen(state: &mut State) -> Option<std::sync::Arc<crate::inspect::View>> {
    let many = state.keys.dialog().and_then(Dialog::as_many)?;
    Some(many.view.clone())
}

/// Counts which of the dialog's keys are there.
pub(super) fn count(tasks: &mut Tasks, state: &mut State) {
    let Some(connection) = state.keys.connection().cloned() else {
        return;
    };
    let Some(view) = chosen(state) else {
        return;
    };
    let id = tasks.spawn(state, Some("Counting the keys".into()), |task| async move {
        let names = names(view).await;
        let all = names.len().max(1);
        let reporter = task.clone();
        let counted = preview(&connection, &names, &task.cancel, |done| {
            reporter.progress("", Some(done as f32 / all as f32));
        })
        .await;
        let event = match counted {
            Ok(_) if task.cancel.is_cancelled() => {
                Event::Undone("the count was cancelled; close and ask again".into())
            }
            Ok(preview) => Event::Counted(preview),
            Err(error) => Event::Undone(error.to_string()),
        };
        task.send(AppEvent::Keys(event)).await;
    });
    if let Some(dialog) = state.keys.dialog() {
        dialog.runs(id);
    }
}

/// Changes the dialog's keys, and writes down which.
pub(super) fn many(tasks: &mut Tasks, state: &mut State, bulk: Bulk) {
    let Some(connection) = state.keys.connection().cloned() else {
        return;
    };
    let Some(view) = chosen(state) else {
        return;
    };
    let explorer = state.keys.explorer().cloned();
    let what = if bulk == Bulk::Delete {
        "Deleting keys"
    } else {
        "Changing TTLs"
    };
    let id = tasks.spawn(state, Some(what.into()), |task| async move {
        let (mut log, path) = match log_file(bulk) {
            Ok(file) => file,
            Err(error) => {
                let told = format!(
                    "the log of what is changed cannot be written ({error}), so nothing was changed"
                );
                task.send(AppEvent::Keys(Event::Undone(told))).await;
                return;
            }
        };
        let names = names(view).await;
        let all = names.len().max(1);
        let reporter = task.clone();
        let tell = |names: &[Vec<u8>], news| {
            if let Some(explorer) = &explorer {
                for name in names {
                    explorer.tell(name, news);
                }
            }
        };
        let mut told = 0;
        let done = carry_out(&connection, bulk, &names, &mut log, &task.cancel, |done| {
            let now = chrono::Utc::now().timestamp_millis();
            tell(&names[told..done as usize], bulk.news(now));
            told = done as usize;
            reporter.progress("", Some(done as f32 / all as f32));
        })
        .await;
        // Where the server refused some, or nobody knows how far it came, each is asked for.
        match &done {
            Ok(outcome) if outcome.failed == 0 => {}
            _ => tell(&names, News::Changed),
        }
        let event = match done {
            Ok(outcome) => Event::ChangedMany(outcome, path),
            Err(error) => Event::Undone(format!(
                "{error}; what was done is named in {}",
                path.display()
            )),
        };
        task.send(AppEvent::Keys(event)).await;
    });
    if let Some(dialog) = state.keys.dialog() {
        dialog.runs(id);
    }
}

/// A new file in the platform's state folder: when, and what.
fn log_file(bulk: Bulk) -> std::io::Result<(std::io::BufWriter<std::fs::File>, PathBuf)> {
    let folders = directories::ProjectDirs::from("", "", "lookaside")
        .ok_or_else(|| std::io::Error::other("there is no home folder"))?;
    let folder = folders
        .state_dir()
        .unwrap_or_else(|| folders.data_local_dir())
        .join("changes");
    std::fs::create_dir_all(&folder)?;
    let when = chrono::Utc::now().format("%Y-%m-%dT%H-%M-%S%.3fZ");
    let what = if bulk == Bulk::Delete {
        "deleted"
    } else {
        "ttl"
    };
    let path = folder.join(format!("{when}-{what}.jsonl"));
    Ok((
        std::io::BufWriter::new(std::fs::File::create_new(&path)?),
        path,
    ))
}
