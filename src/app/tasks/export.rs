//! Writing a result to a file.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;

use crate::app::event::Event as AppEvent;
use crate::app::state::State;
use crate::app::theme::Tone;
use crate::app::views::reports::{Event, ExportDialog};
use crate::engine::{EngineError, Request};
use crate::table::{BatchStream, CsvOptions, Table};
use crate::table::{ExportError, ExportOptions, Format, Target, export};

use super::Tasks;

/// Rows of a batch that is put together in the shown order.
const BATCH: usize = 8192;

/// Opens the dialog with a file name to begin with.
pub(super) fn open(state: &mut State) {
    let Some(name) = state.reports.pane().map(|pane| pane.draft.name.clone()) else {
        return;
    };
    let folder = state.reports.exported_to.clone();
    let folder = folder.or_else(usual_folder).unwrap_or_default();
    state.reports.export = Some(ExportDialog::new(folder.join(format!("{name}.csv"))));
}

/// Where the first export goes: the user's downloads, else the home folder.
pub(super) fn usual_folder() -> Option<PathBuf> {
    let folders = directories::UserDirs::new()?;
    let folder = folders.download_dir().unwrap_or(folders.home_dir());
    Some(folder.to_owned())
}

/// Asks with the desktop's dialog. Where there is none, the path field stays.
pub(super) fn choose(tasks: &mut Tasks, state: &mut State) {
    let Some(export) = &state.reports.export else {
        return;
    };
    let path = PathBuf::from(&export.path);
    let first = export.format();
    let id = tasks.spawn(state, None, move |task| async move {
        let mut dialog = rfd::AsyncFileDialog::new().set_title("Export");
        let others = Format::ALL.into_iter().filter(|format| *format != first);
        for format in std::iter::once(first).chain(others) {
            dialog = dialog.add_filter(format.name(), &[format.ending()]);
        }
        if let Some(folder) = path.parent().filter(|folder| folder.is_dir()) {
            dialog = dialog.set_directory(folder);
        }
        if let Some(name) = path.file_name() {
            dialog = dialog.set_file_name(name.to_string_lossy());
        }
        let path = dialog.save_file().await.map(|file| file.path().to_owned());
        task.send(AppEvent::Reports(Event::Chosen {
            task: task.id,
            path,
        }))
        .await;
    });
    if let Some(export) = &mut state.reports.export {
        export.choosing = Some(id);
    }
}

/// Writes the file as the dialog says.
pub(super) fn write(tasks: &mut Tasks, state: &mut State) {
    let Some(engine) = tasks.session().map(|session| session.engine.clone()) else {
        return;
    };
    let Some(dialog) = &state.reports.export else {
        return;
    };
    let format = dialog.format();
    let csv = CsvOptions {
        bom: dialog.bom,
        null: dialog.null.clone(),
        guard: dialog.guard,
    };
    if let Err(error) = csv.check() {
        if let Some(dialog) = &mut state.reports.export {
            dialog.error = Some(error);
        }
        return;
    }
    let path = PathBuf::from(dialog.path.trim());
    let replace = dialog.replace;
    let shown_only = dialog.shown_only;
    let Some(answer) = state.reports.pane().and_then(|pane| pane.answer.as_ref()) else {
        return;
    };
    let (table, whole) = (answer.rows.table.clone(), answer.left_out == 0);
    let order = answer.rows.order().filter(|_| shown_only).cloned();
    let total = order
        .as_ref()
        .map_or(answer.rows.total() as u64 + answer.left_out, |order| {
            order.len() as u64
        });
    let (report, params, mode) = answer.request.clone();
    let what = format!("Exporting {}", report.name);
    let id = tasks.spawn(state, Some(what), move |task| async move {
        if !replace && tokio::fs::try_exists(&path).await.unwrap_or(false) {
            let taken = Event::FileTaken { task: task.id };
            task.send(AppEvent::Reports(taken)).await;
            return;
        }
        let rows = if whole || order.is_some() {
            Ok(from_memory(table, order))
        } else {
            // What did not fit into the grid is asked for again, most likely from the cache.
            engine
                .ask(Request {
                    report,
                    params,
                    mode,
                    cancel: task.cancel.clone(),
                })
                .await
                .map(|answer| answer.rows)
        };
        let options = ExportOptions {
            format,
            csv,
            ..ExportOptions::default()
        };
        let shown = task.clone();
        let progress = move |progress: crate::table::Progress| {
            shown.progress("", Some(progress.rows as f32 / total.max(1) as f32));
        };
        let result = match rows {
            Ok(rows) => {
                export(
                    rows,
                    Target::File(path.clone()),
                    options,
                    progress,
                    task.cancel.clone(),
                )
                .await
            }
            Err(error) => Err(ExportError::Rows(error)),
        };
        let event = match result {
            Ok(done) => Event::Exported {
                task: task.id,
                path,
                rows: done.rows,
                bytes: done.bytes,
                renamed: done.renamed.len(),
            },
            Err(ExportError::Cancelled) => {
                task.message(Tone::Bypass, "Cancelled; nothing was written")
                    .await;
                return;
            }
            Err(error) => Event::ExportFailed {
                task: task.id,
                error: error.to_string(),
            },
        };
        task.send(AppEvent::Reports(event)).await;
    });
    if let Some(export) = &mut state.reports.export {
        export.writing = Some(id);
    }
}

/// The rows that are in memory, all as they came or those of `order`.
fn from_memory(table: Arc<Table>, order: Option<Arc<Vec<u32>>>) -> BatchStream<EngineError> {
    let (sender, stream) = BatchStream::channel(table.schema.clone(), 2);
    tokio::task::spawn_blocking(move || {
        let sent = match order {
            None => table
                .batches
                .iter()
                .all(|batch| sender.blocking_send(batch.clone())),
            Some(order) => ordered(&table, &order).all(|batch| sender.blocking_send(batch)),
        };
        if sent {
            sender.finish();
        }
    });
    stream
}

fn ordered(table: &Table, order: &[u32]) -> impl Iterator<Item = RecordBatch> {
    let mut starts = Vec::with_capacity(table.batches.len());
    let mut rows = 0;
    for batch in &table.batches {
        starts.push(rows);
        rows += batch.num_rows();
    }
    let batches: Vec<&RecordBatch> = table.batches.iter().collect();
    order.chunks(BATCH).map_while(move |chunk| {
        let places: Vec<(usize, usize)> = chunk
            .iter()
            .map(|row| {
                let row = *row as usize;
                let batch = starts.partition_point(|start| *start <= row) - 1;
                (batch, row - starts[batch])
            })
            .collect();
        interleave_record_batch(&batches, &places).ok()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::array::{AsArray, UInt32Array};
    use arrow::datatypes::{DataType, Field, Schema, UInt32Type};

    use super::*;

    #[test]
    fn the_next_export_begins_in_the_folder_of_the_last() {
        let mut state = State::default();
        state.reports.new_report();
        let exported = Event::Exported {
            task: crate::app::state::TaskId(1),
            path: "/srv/figures/march.csv".into(),
            rows: 1,
            bytes: 10,
            renamed: 0,
        };
        state.apply(AppEvent::Reports(exported));
        open(&mut state);
        let dialog = state.reports.export.unwrap();
        assert_eq!(dialog.path, "/srv/figures/new-report.csv");
        assert!(state.toasts[0].text.starts_with("Wrote 1 row, 10 B"));
    }

    #[tokio::test]
    async fn shown_rows_come_in_their_order() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::UInt32, false)]));
        let batch = |range: std::ops::Range<u32>| {
            RecordBatch::try_new(
                schema.clone(),
                vec![Arc::new(UInt32Array::from_iter_values(range))],
            )
            .unwrap()
        };
        let table = Arc::new(Table {
            schema: schema.clone(),
            batches: vec![batch(0..3), batch(3..3), batch(3..9)],
        });
        let order: Vec<u32> = vec![8, 0, 3, 2];
        let shown = from_memory(table.clone(), Some(Arc::new(order.clone())))
            .collect()
            .await
            .unwrap();
        assert_eq!(
            shown.batches[0]
                .column(0)
                .as_primitive::<UInt32Type>()
                .values(),
            order.as_slice()
        );
        assert_eq!(from_memory(table, None).collect().await.unwrap().rows(), 9);
    }
}
