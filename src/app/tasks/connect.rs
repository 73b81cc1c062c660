//! Tasks of the Connect view: the connection test, and writing a workspace file.

use std::path::PathBuf;
use std::time::Instant;

use crate::app::command::Command as AppCommand;
use crate::app::event::Event as AppEvent;
use crate::app::format;
use crate::app::state::State;
use crate::app::views::connect::{Command, Event, Form};
use crate::app::widgets::{Step, StepState};
use crate::cache::Cache;
use crate::source::{self, CheckResult, CheckStep};
use crate::workspace::{self, CacheConfig, ConnectionUrl, SourceConfig, WorkspaceFile};
use crate::{demo, detector};

use super::{Task, Tasks};

/// Carries out a command of the view.
pub(super) fn perform(tasks: &mut Tasks, state: &mut State, command: Command) {
    let command = match command {
        Command::UsePasswords(given) => return use_passwords(tasks, state, given),
        other => other,
    };
    if state.connect.testing.is_some() || state.connect.form.is_empty() {
        return;
    }
    let form = state.connect.form.clone();
    state.connect.error = None;
    let id = match command {
        Command::Test => {
            state.connect.works = false;
            state.connect.steps.clear();
            tasks.spawn(
                state,
                Some("Testing the connection".into()),
                |task| async move {
                    let works = tokio::select! {
                        works = test(&form, &task) => works,
                        () = task.cancel.cancelled() => return,
                    };
                    task.send(AppEvent::Connect(Event::Tested {
                        task: task.id,
                        works,
                    }))
                    .await;
                },
            )
        }
        Command::Connect => tasks.spawn(state, None, |task| async move {
            let written = tokio::task::spawn_blocking(move || write(&form)).await;
            let event = match written {
                Ok(Ok(path)) => Event::Chosen(Some(path)),
                Ok(Err(NotWritten::Keyring(error))) => Event::NoKeyring {
                    task: task.id,
                    error,
                },
                Ok(Err(NotWritten::Other(error))) => Event::Failed {
                    task: task.id,
                    error,
                },
                Err(error) => Event::Failed {
                    task: task.id,
                    error: error.to_string(),
                },
            };
            task.send(AppEvent::Connect(event)).await;
        }),
        Command::UsePasswords(_) => return,
    };
    state.connect.testing = Some(id);
}

/// Keeps the passwords until the program ends, and opens the workspace again.
fn use_passwords(tasks: &mut Tasks, state: &mut State, given: Vec<(String, String)>) {
    for (url, password) in given {
        workspace::keep_for_session(&url, &password.into());
    }
    let Some(open) = &state.open else { return };
    let command = match &open.workspace.path {
        Some(path) => AppCommand::OpenWorkspace(path.clone()),
        None => AppCommand::OpenRedis(open.workspace.cache.url.expose().to_owned()),
    };
    tasks.perform(state, command);
}

/// The steps so far, shown as they come.
struct Steps<'a> {
    done: Vec<Step>,
    task: &'a Task,
}

impl Steps<'_> {
    fn step(step: CheckStep) -> Step {
        let state = match step.result {
            CheckResult::Ok => StepState::Ok,
            CheckResult::Warning(why) => StepState::Warning(why),
            CheckResult::Failed(why) => StepState::Failed(why),
        };
        Step {
            what: step.what,
            detail: step.detail,
            state,
        }
    }

    async fn push(&mut self, what: &str, detail: String, state: StepState) {
        self.done.push(Step {
            what: what.to_owned(),
            detail,
            state,
        });
        self.show(None).await;
    }

    async fn show(&self, running: Option<&str>) {
        let mut steps = self.done.clone();
        if let Some(what) = running {
            steps.push(Step {
                what: what.to_owned(),
                detail: String::new(),
                state: StepState::Running,
            });
        }
        self.task
            .send(AppEvent::Connect(Event::Steps {
                task: self.task.id,
                steps,
            }))
            .await;
    }
}

async fn test(form: &Form, task: &Task) -> bool {
    let mut steps = Steps {
        done: Vec::new(),
        task,
    };
    let database = form.database.trim().is_empty() || test_database(form, &mut steps).await;
    let cache = test_cache(form, &mut steps).await;
    database && cache
}

async fn test_database(form: &Form, steps: &mut Steps<'_>) -> bool {
    let mut config = SourceConfig::new(&form.source_name(), form.database.trim());
    config.url = with_password(config.url, &form.password);
    let source = match source::open(&config) {
        Ok(source) => source,
        Err(error) => {
            steps
                .push(
                    "Database URL",
                    String::new(),
                    StepState::Failed(error.to_string()),
                )
                .await;
            return false;
        }
    };
    steps.show(Some("Connecting to the database")).await;
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let report = move |step: CheckStep| drop(sender.send(step));
    let checking = async {
        let check = source.check(&report).await;
        drop(report);
        check
    };
    let showing = async {
        while let Some(step) = receiver.recv().await {
            steps.done.push(Steps::step(step));
            steps.show(Some("Connecting to the database")).await;
        }
    };
    let (check, ()) = tokio::join!(checking, showing);
    steps.done = check.steps.into_iter().map(Steps::step).collect();
    if check.ok {
        let about = detector::about(&config, &source).await;
        let what = format!("Changes: {}", about.name);
        let delay = format!("within {}", format::duration(about.delay));
        let state = about.better_by.map_or(StepState::Ok, StepState::Warning);
        steps.push(&what, delay, state).await;
    } else {
        steps.show(None).await;
    }
    check.ok
}

async fn test_cache(form: &Form, steps: &mut Steps<'_>) -> bool {
    let url = form.redis.trim();
    if url.is_empty() {
        steps.show(Some("Starting a private Redis server")).await;
        return match demo::PrivateServer::start().await {
            Ok(_) => {
                steps
                    .push(
                        "A private Redis server starts",
                        "embedded".into(),
                        StepState::Ok,
                    )
                    .await;
                true
            }
            Err(error) => {
                steps
                    .push(
                        "A private Redis server",
                        String::new(),
                        StepState::Failed(error.to_string()),
                    )
                    .await;
                false
            }
        };
    }
    steps.show(Some("Connecting to Redis")).await;
    let config = CacheConfig {
        url: with_password(ConnectionUrl::new(url), &form.redis_password),
        prefix: CacheConfig::PREFIX.to_owned(),
        memory: CacheConfig::MEMORY,
    };
    let cache = Cache::new(&config);
    let began = Instant::now();
    match cache.ping().await {
        Ok(version) => {
            let took = format::duration(began.elapsed());
            steps
                .push(
                    &format!("{} found, signed in", cache.address()),
                    took,
                    StepState::Ok,
                )
                .await;
            let version = if version.is_empty() {
                "version not told".to_owned()
            } else {
                version
            };
            steps.push("Answers to PING", version, StepState::Ok).await;
            true
        }
        Err(error) => {
            steps
                .push("Redis", String::new(), StepState::Failed(error.to_string()))
                .await;
            false
        }
    }
}

/// The URL with the password that was typed beside it, if any was.
fn with_password(url: ConnectionUrl, typed: &str) -> ConnectionUrl {
    if typed.is_empty() {
        url
    } else {
        url.with_password(typed)
    }
}

/// Why the workspace file was not written.
enum NotWritten {
    /// The keyring does not keep a password.
    Keyring(String),
    /// Anything else.
    Other(String),
}

impl From<&str> for NotWritten {
    fn from(why: &str) -> Self {
        Self::Other(why.to_owned())
    }
}

impl From<String> for NotWritten {
    fn from(why: String) -> Self {
        Self::Other(why)
    }
}

/// The URL as it may stand in the file, with its password kept where the form says.
fn kept(form: &Form, url: &str, typed: &str) -> Result<String, NotWritten> {
    let url = with_password(ConnectionUrl::new(url), typed);
    let (without, password) = url.split_password();
    let Some(password) = password.filter(|_| !url.expose().contains("${")) else {
        return Ok(url.expose().to_owned());
    };
    if form.session_only {
        workspace::keep_for_session(&without, &password);
    } else {
        workspace::store_password(&without, &password).map_err(|error| {
            NotWritten::Keyring(format!(
                "{}. Press Connect again to keep it for this session only.",
                format::sentence(&error.to_string())
            ))
        })?;
    }
    Ok(without)
}

/// Writes the workspace file and gives back where it is. A password goes to the keyring, or is kept for this session.
fn write(form: &Form) -> Result<PathBuf, NotWritten> {
    let name = form.source_name();
    let typed = form.file.trim();
    let path = if typed.is_empty() {
        let folders = directories::ProjectDirs::from("", "", "lookaside")
            .ok_or("there is no configuration folder on this system; name a workspace file")?;
        folders.config_dir().join(&name).join("lookaside.toml")
    } else {
        PathBuf::from(typed)
    };
    if path.exists() {
        return Err(NotWritten::Other(format!(
            "{} is there already; open it, or name another workspace file",
            path.display()
        )));
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("the folder {} cannot be made: {error}", folder.display()))?;
    }
    let mut file = WorkspaceFile::open(&path).map_err(|error| error.to_string())?;
    let redis = if form.redis.trim().is_empty() {
        CacheConfig::EMBEDDED.to_owned()
    } else {
        kept(form, form.redis.trim(), &form.redis_password)?
    };
    file.set_cache_url(&redis)
        .map_err(|error| error.to_string())?;
    if !form.database.trim().is_empty() {
        let url = kept(form, form.database.trim(), &form.password)?;
        file.set_source(&name, &url)
            .map_err(|error| error.to_string())?;
    }
    file.save().map_err(|error| error.to_string())?;
    Ok(path)
}
