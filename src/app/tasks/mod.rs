//! The bridge to tokio: carries out the commands that take time, and brings back what comes of them.
//!
//! Nothing here is waited for by a frame. A task sends [`Event`]s through one bounded queue and wakes the window where it
//! shows what they are about (`wake.rs`); the window takes them in before its next frame.

mod change;
mod connect;
mod console;
mod export;
mod keys;
mod keyspace;
mod latency;
mod open;
mod order;
mod reports;
mod server;
mod session;
mod wake;
mod watch;
mod worker;

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use session::Session;
pub use wake::Wake;

use super::command::{Command, View};
use super::event::Event;
use super::state::{Running, State, TaskId};
use super::theme::Tone;
use super::views::connect as connect_view;
use wake::{Parts, Waker};

/// How many events may wait for a frame; a task with more to say waits.
const QUEUE: usize = 256;

/// The tasks of the window.
pub struct Tasks {
    runtime: Handle,
    sender: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
    waker: Waker,
    next: u64,
    tokens: HashMap<TaskId, CancellationToken>,
    session: Option<Session>,
    /// Where a task that opened a workspace leaves it, for the window to take.
    opened: open::Slot,
}

/// What a task holds: its id, its end, and the way back to the window.
#[derive(Clone)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// Cancelled when the user cancels, or the workspace is closed.
    pub cancel: CancellationToken,
    sender: mpsc::Sender<Event>,
    waker: Waker,
}

impl Task {
    /// A task that wakes nobody.
    #[cfg(test)]
    fn for_test(sender: mpsc::Sender<Event>) -> Self {
        Self {
            id: TaskId(0),
            cancel: CancellationToken::new(),
            sender,
            waker: Waker::new(std::sync::Arc::new(|_| {})),
        }
    }

    /// Sends an event and wakes the window. `false` where the window is gone.
    pub async fn send(&self, event: Event) -> bool {
        let parts = Parts::of(&event);
        let sent = match self.sender.try_send(event) {
            Ok(()) => true,
            // Events are taken in by frames: one has to be drawn before there is room for this event.
            Err(mpsc::error::TrySendError::Full(event)) => {
                self.waker.wake(Parts::EVERYWHERE);
                self.sender.send(event).await.is_ok()
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        };
        self.waker.wake(parts);
        sent
    }

    /// Says how far the task is; drops the report where the queue is full, because another one will follow.
    pub fn progress(&self, what: impl Into<String>, fraction: Option<f32>) {
        let _ = self.sender.try_send(Event::Progress {
            task: self.id,
            what: what.into(),
            fraction,
        });
        self.waker.wake(Parts::EVERYWHERE);
    }

    /// Shows a message in the corner of the window.
    pub async fn message(&self, tone: Tone, text: impl Into<String>) {
        self.send(Event::Message {
            tone,
            text: text.into(),
        })
        .await;
    }
}

impl Tasks {
    /// Tasks on a runtime; `wake` makes the window take in events.
    pub fn new(runtime: Handle, wake: Wake) -> Self {
        let (sender, events) = mpsc::channel(QUEUE);
        Self {
            runtime,
            sender,
            events,
            waker: Waker::new(wake),
            next: 0,
            tokens: HashMap::new(),
            session: None,
            opened: open::Slot::default(),
        }
    }

    /// The open workspace's engine, worker and demo.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Starts a task. With `what` it is shown in the status line and can be cancelled there.
    pub fn spawn<F>(
        &mut self,
        state: &mut State,
        what: Option<String>,
        work: impl FnOnce(Task) -> F,
    ) -> TaskId
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.next += 1;
        let id = TaskId(self.next);
        let cancel = CancellationToken::new();
        self.tokens.insert(id, cancel.clone());
        if let Some(what) = what {
            state.running.push(Running::new(id, what, state.clock.now));
        }
        let task = self.task(id, cancel);
        let done = task.clone();
        let work = work(task);
        self.runtime.spawn(async move {
            // A panic in a task must not leave it "running" for ever.
            let outcome = tokio::spawn(work).await;
            if outcome.is_err_and(|error| error.is_panic()) {
                done.message(
                    Tone::Error,
                    "A task of the window failed; this is a mistake in Lookaside",
                )
                .await;
            }
            done.send(Event::Ended(done.id)).await;
        });
        id
    }

    fn task(&self, id: TaskId, cancel: CancellationToken) -> Task {
        Task {
            id,
            cancel,
            sender: self.sender.clone(),
            waker: self.waker.clone(),
        }
    }

    /// Makes and opens the demo as `options` say.
    pub fn start_demo(&mut self, state: &mut State, options: crate::demo::Options) {
        open::demo_with(self, state, options);
    }

    /// Ends a task; its query on the server too.
    pub fn cancel(&mut self, task: TaskId) {
        if let Some(token) = self.tokens.get(&task) {
            token.cancel();
        }
    }

    /// Notes which view is shown: what changes in others does not wake the window. Returns whether one more frame is
    /// needed.
    #[must_use]
    pub fn shows(&self, view: View) -> bool {
        self.waker.shows(view)
    }

    /// Takes in everything that tasks, the event log and the worker have to say. Never waits.
    pub fn poll(&mut self, state: &mut State) {
        let runtime = self.runtime.clone();
        let _entered = runtime.enter();
        // A flood of events must not hold up a frame: what is left waits for the next.
        for _ in 0..QUEUE {
            let Ok(event) = self.events.try_recv() else {
                break;
            };
            match &event {
                Event::Ended(task) => {
                    self.tokens.remove(task);
                }
                Event::Opened { task, .. } => self.take_opened(state, *task),
                Event::Connect(connect_view::Event::Chosen(Some(path))) => {
                    let path = path.clone();
                    self.perform(state, Command::OpenWorkspace(path));
                }
                Event::Reports(
                    super::views::reports::Event::Saved { workspace, .. }
                    | super::views::reports::Event::Removed { workspace, .. },
                ) => {
                    if let Some(session) = &mut self.session {
                        session.replace_workspace(workspace.clone());
                        if let Some(open) = &mut state.open {
                            open.workspace = session.workspace.clone();
                        }
                    }
                }
                _ => {}
            }
            state.apply(event);
        }
        if let Some(session) = &mut self.session {
            session.poll(state);
        }
        server::tend(self, state);
    }

    /// Carries out a command.
    pub fn perform(&mut self, state: &mut State, command: Command) {
        let Some(command) = state.handle(command) else {
            return;
        };
        match command {
            Command::Cancel(task) => self.cancel(task),
            Command::Keys(command) => keys::perform(self, state, command),
            Command::Latency(command) => latency::perform(self, state, command),
            Command::Worker(command) => worker::perform(self, state, command),
            Command::Server(command) => server::perform(self, state, command),
            Command::Console(command) => console::perform(self, state, command),
            Command::Reports(command) => reports::perform(self, state, command),
            Command::Connect(command) => connect::perform(self, state, command),
            Command::StartDemo { scale } => open::demo(self, state, scale),
            Command::OpenWorkspace(path) => open::file(self, state, path),
            Command::AskWorkspace => open::ask(self, state),
            Command::OpenRedis(url) => open::redis(self, state, url),
            Command::CloseWorkspace => self.close(state),
            Command::ReadEntries => self.read_entries(),
            Command::SetOrdersPerMinute(rate) => {
                if let Some(demo) = self
                    .session
                    .as_ref()
                    .and_then(|session| session.demo.as_ref())
                {
                    demo.set_orders_per_minute(rate);
                }
            }
            Command::InsertOrder => open::insert_order(self, state),
            // Carried out by the window or by `State::handle`.
            Command::Show(_)
            | Command::SetTheme(_)
            | Command::SetZoom(_)
            | Command::OpenPalette
            | Command::Find
            | Command::Quit
            | Command::Copy(_)
            | Command::SelectReport(_)
            | Command::NewReport
            | Command::ShowKey(_) => {}
        }
    }

    /// Makes a workspace that a task opened the open one, unless the user has moved on.
    fn take_opened(&mut self, state: &State, task: TaskId) {
        let Some(mut session) = self.opened.take(task) else {
            return;
        };
        if state
            .opening
            .as_ref()
            .is_none_or(|opening| opening.task != task)
        {
            self.runtime.spawn(session.close());
            return;
        }
        self.end_all_but(task);
        session.watch_links(&self.task(task, CancellationToken::new()));
        if let Some(old) = self.session.replace(session) {
            self.runtime.spawn(old.close());
        }
    }

    /// Closes the open workspace.
    fn close(&mut self, state: &mut State) {
        self.end_all_but(TaskId(0));
        if let Some(session) = self.session.take() {
            self.runtime.spawn(session.close());
        }
        state.open = None;
        // Also what was asked for: the next server is locked again.
        state.keys.lock().set_unlocked(false);
        state.console.renew();
        state.server = super::views::server::ServerView::default();
        state.reports = super::views::reports::Reports::default();
        state.show(View::Connect);
    }

    fn end_all_but(&mut self, kept: TaskId) {
        for (task, token) in &self.tokens {
            if *task != kept {
                token.cancel();
            }
        }
    }

    fn read_entries(&self) {
        if let Some(session) = &self.session {
            session.read_entries();
        }
    }

    /// Ends every task and closes the workspace, waiting a moment for leases and queries to be given back.
    pub fn shut_down(mut self) {
        for token in self.tokens.values() {
            token.cancel();
        }
        let session = self.session.take();
        let closing = self.runtime.spawn(async move {
            if let Some(session) = session {
                session.close().await;
            }
        });
        let _ = self
            .runtime
            .block_on(tokio::time::timeout(Duration::from_secs(3), closing));
    }
}
