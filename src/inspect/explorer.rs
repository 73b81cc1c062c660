//! How a scan and the questions about it run beside a window: sorting, filtering and counting by prefix happen on other
//! threads, and the window is handed finished answers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Analysis, Connection, Count, Detail, Filter, Index, Keys, News, Order, Pace, Phase, Prefix,
    RowId, Scan, ScanOptions, ScanState, TreeRow, is_estimate, list,
};

/// What the window wants to see.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Question {
    /// Which keys the table shows.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// The prefixes that are open in the tree.
    pub open: BTreeSet<Vec<u8>>,
    /// What an analysis of the shown keys is to tell, where one is wanted.
    pub analysis: Option<Detail>,
}

/// A finished answer.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// What the scan has seen; newer than the rest of this answer while keys arrive.
    pub state: Arc<ScanState>,
    /// The keys that `rows` names.
    pub keys: Keys,
    /// The tree.
    pub tree: Arc<Vec<TreeRow>>,
    /// The table.
    pub rows: Arc<Vec<RowId>>,
    /// Keys and bytes that the table shows.
    pub shown: Count,
    /// Whether the bytes of any key are an estimate, and with them the sums.
    pub has_estimates: bool,
    /// The prefixes under the selected one, the largest first, at most [`PARTS`]: the treemap.
    pub parts: Arc<Vec<Prefix>>,
    /// The keys that the table shows, summed up, where that was asked for.
    pub analysis: Option<Arc<Analysis>>,
    /// The question that this answers.
    pub question: Arc<Question>,
}

/// What is new in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It answers another question, the scan goes on or has ended, or keys came or went.
    News,
    /// The same keys, some of which have changed.
    Changes,
}

/// The most prefixes of the treemap.
const PARTS: usize = 24;

/// A scan with its questions; dropping it ends both.
pub struct Explorer {
    scan: Arc<parking_lot::Mutex<Option<Scan>>>,
    question: watch::Sender<Arc<Question>>,
    view: watch::Receiver<Arc<View>>,
    cancel: CancellationToken,
    _end: DropGuard,
}

impl Explorer {
    /// Starts a scan on the current runtime that follows what changes; `wake` is called after each new answer,
    /// and told what is new in it.
    pub fn start(
        connection: Connection,
        options: ScanOptions,
        question: Question,
        wake: impl Fn(Answered) + Send + Sync + 'static,
    ) -> Self {
        let mut scan = Scan::start(
            connection,
            ScanOptions {
                follow: true,
                ..options
            },
        );
        let states = scan.watch();
        let (question, questions) = watch::channel(Arc::new(question));
        let (publish, view) = watch::channel(Arc::default());
        let cancel = CancellationToken::new();
        let work = work(states, questions, publish, wake);
        tokio::spawn(cancel.clone().run_until_cancelled_owned(work));
        Self {
            scan: Arc::new(parking_lot::Mutex::new(Some(scan))),
            question,
            view,
            _end: cancel.clone().drop_guard(),
            cancel,
        }
    }

    /// Asks something else; the answer comes later.
    pub fn ask(&self, question: Question) {
        self.question.send_if_modified(|now| {
            let is_new = **now != question;
            if is_new {
                *now = Arc::new(question);
            }
            is_new
        });
    }

    /// The latest answer.
    pub fn view(&self) -> Arc<View> {
        self.view.borrow().clone()
    }

    /// Pauses or resumes the scan.
    pub fn pause(&self, paused: bool) {
        self.with(|scan| scan.pause(paused));
    }

    /// Changes how hard the scan works.
    pub fn set_pace(&self, pace: Pace) {
        self.with(|scan| scan.set_pace(pace));
    }

    /// Ends the scan; what it has seen can still be asked about.
    pub fn cancel(&self) {
        self.with(Scan::cancel);
    }

    /// Takes in what is known of a key without the server's telling: it was changed here.
    pub fn tell(&self, name: &[u8], news: News) {
        self.with(|scan| scan.tell(name, news));
    }

    /// The server may tell of its changes from now on: look at once.
    pub fn look_for_notices(&self) {
        self.with(Scan::look_for_notices);
    }

    /// Ends the scan and its questions.
    pub fn close(&self) {
        self.cancel.cancel();
        self.scan.lock().take();
    }

    fn with(&self, act: impl FnOnce(&Scan)) {
        if let Some(scan) = self.scan.lock().as_ref() {
            act(scan);
        }
    }
}

impl std::fmt::Debug for Explorer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Explorer").finish_non_exhaustive()
    }
}

impl View {
    /// The answer to `question` about keys that are known already, as a scan in that state would give it.
    pub fn of(state: ScanState, question: Question) -> Self {
        let (_, answer) = answer(
            &Index::default(),
            state.keys.clone(),
            &state,
            &question,
            state.at,
        );
        Self {
            state: Arc::new(state),
            question: Arc::new(question),
            ..answer
        }
    }
}

/// How soon changed keys are shown, at the earliest.
const SOON: Duration = Duration::from_millis(200);
/// An answer is made again after so many times what it took.
const PART: u32 = 8;

/// When the index is made again; `None` for not at all. While keys arrive, only when there are this many more, so that
/// the whole work stays linear.
fn due_in(index: &Index, state: &ScanState, last: Instant, took: Duration) -> Option<Duration> {
    if index.is_of(&state.keys) {
        return None;
    }
    let (indexed, keys) = (index.len(), state.keys.len());
    let new = keys.saturating_sub(indexed);
    if indexed == 0 || new >= indexed / 4 && new > 0 {
        return Some(Duration::ZERO);
    }
    let rest = if matches!(state.phase, Phase::Running) && new * 50 < indexed {
        Duration::from_secs(2)
    } else {
        SOON
    };
    Some(rest.max(took * PART).saturating_sub(last.elapsed()))
}

async fn work(
    mut states: watch::Receiver<Arc<ScanState>>,
    mut questions: watch::Receiver<Arc<Question>>,
    publish: watch::Sender<Arc<View>>,
    wake: impl Fn(Answered) + Send + Sync + 'static,
) {
    let mut index = Index::default();
    let mut view = View::default();
    let (mut indexed_at, mut took) = (Instant::now(), Duration::ZERO);
    let mut scanning = true;
    loop {
        let state = states.borrow_and_update().clone();
        let question = questions.borrow_and_update().clone();
        // An analysis tells whether it is complete, so the scan's end makes it anew; the end is shown at once.
        let ended =
            std::mem::discriminant(&state.phase) != std::mem::discriminant(&view.state.phase);
        let is_new = ended
            || question != view.question
            || matches!(state.phase, Phase::Running)
            || state.totals.all.keys != view.state.totals.all.keys;
        let mut due = due_in(&index, &state, indexed_at, took);
        if ended && due.is_some() {
            due = Some(Duration::ZERO);
        }
        let is_due = due.is_some_and(|rest| rest.is_zero());
        if is_due || ended && view.analysis.is_some() || question != view.question {
            let old = std::mem::take(&mut index);
            let keys = if is_due {
                state.keys.clone()
            } else {
                view.keys.clone()
            };
            let (asked, seen) = (question.clone(), state.clone());
            let now = Utc::now().timestamp_millis();
            let begun = Instant::now();
            let Ok((made, answer)) =
                tokio::task::spawn_blocking(move || answer(&old, keys, &seen, &asked, now)).await
            else {
                return;
            };
            index = made;
            (indexed_at, took) = (Instant::now(), begun.elapsed());
            view = View { question, ..answer };
            due = None;
        }
        view.state = state;
        publish.send_replace(Arc::new(view.clone()));
        wake(if is_new {
            Answered::News
        } else {
            Answered::Changes
        });
        tokio::select! {
            changed = states.changed(), if scanning => scanning = changed.is_ok(),
            changed = questions.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(due.unwrap_or_default()), if due.is_some() => {}
        }
    }
}

fn answer(
    index: &Index,
    keys: Keys,
    state: &ScanState,
    question: &Question,
    now: i64,
) -> (Index, View) {
    let index = index.extended(&keys);
    let rows = list(&keys, &index, &question.filter, question.order, now);
    let analysis = question
        .analysis
        .map(|detail| Arc::new(Analysis::of(state, &keys, &rows, detail)));
    let shown = Count {
        keys: rows.len() as u64,
        bytes: rows.iter().map(|id| keys.bytes(*id)).sum(),
    };
    let is_collection = |kind| is_estimate(kind, "", None);
    let has_estimates = state.totals.kinds().any(|(kind, _)| is_collection(kind))
        && keys.ids().any(|id| keys.get(id).is_estimate());
    let mut parts = parts(&index, &keys, &question.filter.prefix);
    parts.truncate(PARTS);
    let view = View {
        state: Arc::default(),
        tree: Arc::new(index.tree(&keys, &question.open)),
        rows: Arc::new(rows),
        shown,
        has_estimates,
        parts: Arc::new(parts),
        analysis,
        question: Arc::default(),
        keys,
    };
    (index, view)
}

/// Below this many parts, the largest are drawn as what is under them.
const FEW: usize = 4;

/// The prefixes to draw: those under the selected one, the largest of few taken apart so that a keyspace under one
/// prefix is more than one rectangle. Together they always hold the same keys.
fn parts(index: &Index, keys: &Keys, prefix: &[u8]) -> Vec<Prefix> {
    let mut parts = index.children(keys, prefix);
    let largest_first = |parts: &mut Vec<Prefix>| {
        parts.sort_by_key(|part| std::cmp::Reverse(part.count.bytes));
    };
    largest_first(&mut parts);
    while parts.len() < FEW {
        let under = parts.iter().enumerate().find_map(|(at, part)| {
            let under = index.children(keys, &part.prefix);
            let whole = under.iter().map(|child| child.count.keys).sum::<u64>() == part.count.keys;
            (whole && !under.is_empty() && under.len() <= PARTS).then_some((at, under))
        });
        let Some((at, under)) = under else { break };
        parts.swap_remove(at);
        parts.extend(under);
        largest_first(&mut parts);
    }
    parts
}
