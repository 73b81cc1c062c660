//! Tasks about the keyspace as a whole: samples, comparisons, files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::Utc;
use tokio_util::sync::CancellationToken;

use super::Tasks;
use crate::app::event::Event as AppEvent;
use crate::app::format;
use crate::app::state::State;
use crate::app::theme::Tone;
use crate::app::views::keys::{Event, Save, What};
use crate::inspect::{
    Analysis, Connection, Detail, InspectError, Keys, RowId, analysis_rows, from_json, key_rows,
    sample, to_json,
};
use crate::table::{BatchStream, ExportOptions, Format, Target, export, write_whole};

/// Draws a sample of what the filter shows.
pub(super) fn draw(tasks: &mut Tasks, state: &mut State, draws: u64) {
    let Some(session) = tasks.session() else {
        return;
    };
    let url = session.workspace.cache.url.clone();
    let question = state.keys.question().clone();
    state.keys.sample_begins();
    tasks.spawn(
        state,
        Some("Drawing a sample of keys".into()),
        move |task| async move {
            let shown = task.clone();
            let work = async {
                let connection = Connection::open(&url).await?;
                let detail = question.analysis.unwrap_or_default();
                sample(&connection, draws, &question.filter, detail, |drawn| {
                    shown.progress("", Some(drawn as f32 / draws.max(1) as f32));
                })
                .await
            };
            let result = match task.cancel.run_until_cancelled(work).await {
                Some(Ok(Some(analysis))) => Ok(Box::new(analysis)),
                Some(Ok(None)) => Err(format!(
                    "the server has no more than {} keys; the scan tells all of them exactly",
                    format::count(draws)
                )),
                Some(Err(error)) => Err(error.to_string()),
                None => Err("cancelled; no sample was drawn".to_owned()),
            };
            task.send(AppEvent::Keys(Event::Sampled(result))).await;
        },
    );
}

/// Asks for a file with an earlier analysis and reads it.
pub(super) fn compare_with(tasks: &mut Tasks, state: &mut State) {
    tasks.spawn(state, None, |task| async move {
        let chosen = rfd::AsyncFileDialog::new()
            .set_title("Compare with an earlier analysis")
            .add_filter("JSON", &["json"])
            .pick_file()
            .await;
        let Some(file) = chosen else { return };
        let result = read(file.path()).await.map(Box::new);
        task.send(AppEvent::Keys(Event::Before(result))).await;
    });
}

async fn read(path: &Path) -> Result<Analysis, String> {
    let shown = path.display();
    let text = tokio::fs::read_to_string(path)
        .await
        .map_err(|error| format!("{shown} cannot be read ({error}); choose another file"))?;
    from_json(&text).map_err(|error| format!("{shown}: {error}"))
}

/// Opens the export dialog with a file name to begin with.
pub(super) fn open(state: &mut State, what: What) {
    let folder = state.reports.exported_to.clone();
    let folder = folder
        .or_else(super::export::usual_folder)
        .unwrap_or_default();
    let name = match what {
        What::Keys => "keys.csv",
        What::Analysis => "analysis.json",
    };
    state.keys.export(Save::new(folder.join(name), what));
}

/// Writes a file.
pub(super) fn write(
    tasks: &mut Tasks,
    state: &mut State,
    path: PathBuf,
    what: What,
    replace: bool,
) {
    let view = state.keys.view().clone();
    let analysis = state
        .keys
        .sampled()
        .cloned()
        .or_else(|| view.analysis.clone());
    let what_runs = format!("Exporting {}", path.display());
    tasks.spawn(state, Some(what_runs), move |task| async move {
        if !replace && tokio::fs::try_exists(&path).await.unwrap_or(false) {
            task.send(AppEvent::Keys(Event::Taken)).await;
            return;
        }
        let analysis = analysis.unwrap_or_else(|| {
            let detail = Detail::default();
            Arc::new(Analysis::of(&view.state, &view.keys, &view.rows, detail))
        });
        let result = match what {
            What::Keys => {
                write_keys(
                    &path,
                    view.keys.clone(),
                    view.rows.clone(),
                    task.cancel.clone(),
                )
                .await
            }
            What::Analysis => write_analysis(&path, &analysis, task.cancel.clone()).await,
        };
        if let Ok(bytes) = &result {
            let text = format!("Wrote {} to {}", format::bytes(*bytes), path.display());
            task.message(Tone::Hit, text).await;
        }
        task.send(AppEvent::Keys(Event::Saved(result.map(|_| ()))))
            .await;
    });
}

async fn write_keys(
    path: &Path,
    keys: Keys,
    rows: Arc<Vec<RowId>>,
    cancel: CancellationToken,
) -> Result<u64, String> {
    let now = Utc::now().timestamp_millis();
    let stream = key_rows(keys, rows, now).map_err(|error| error.to_string())?;
    write_rows(path, stream, cancel).await
}

async fn write_analysis(
    path: &Path,
    analysis: &Analysis,
    cancel: CancellationToken,
) -> Result<u64, String> {
    if Format::of_path(path) == Some(Format::Json) {
        let text = format!("{:#}\n", to_json(analysis));
        let path = path.to_owned();
        let writing = tokio::task::spawn_blocking(move || {
            write_whole(&path, text.as_bytes()).map(|()| text.len() as u64)
        });
        return match writing.await {
            Ok(written) => written.map_err(|error| error.message),
            Err(_) => Err("the export stopped unexpectedly; nothing was written".to_owned()),
        };
    }
    let table = analysis_rows(analysis).map_err(|error| error.to_string())?;
    write_rows(path, BatchStream::of(table), cancel).await
}

async fn write_rows(
    path: &Path,
    rows: BatchStream<InspectError>,
    cancel: CancellationToken,
) -> Result<u64, String> {
    let options = ExportOptions::guarded(Format::of_path(path).unwrap_or_default());
    export(rows, Target::File(path.to_owned()), options, |_| {}, cancel)
        .await
        .map(|done| done.bytes)
        .map_err(|error| error.to_string())
}
