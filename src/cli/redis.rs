//! `lookaside redis`: one command through the gate that the window and the console use.

use anyhow::Result;
use clap::Args;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::cli::failure::usage;
use crate::cli::output::{print, print_json};
use crate::inspect::shown_command;
use crate::inspect::{
    Connection, InspectError, Listen, Lock, Told, redact, reply_json, reply_text,
};
use crate::workspace::CacheConfig;

/// Options of `lookaside redis`.
#[derive(Debug, Args)]
pub struct RedisArgs {
    /// Let through what writes, or what the server counts as dangerous to others
    #[arg(long)]
    pub unlock: bool,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
    /// The command and its arguments, as redis-cli takes them; options of lookaside stand before it
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND"
    )]
    pub command: Vec<std::ffi::OsString>,
}

/// Runs the command. Cancelled, it closes the connection, which ends a command that waits.
pub(crate) async fn run(
    args: &RedisArgs,
    cache: CacheConfig,
    cancel: CancellationToken,
) -> Result<()> {
    let words: Vec<Vec<u8>> = args.command.iter().map(bytes).collect::<Result<_>>()?;
    if words.first().is_some_and(Vec::is_empty) {
        return Err(usage("the command is empty; write one such as PING"));
    }
    let line = shown_command(words.iter().map(Vec::as_slice));
    if Listen::from_line(&line).is_some() {
        return Err(usage(
            "this command listens until it is stopped, which only the window's console does; open lookaside, or use redis-cli",
        ));
    }
    let mut command = redis::Cmd::new();
    for word in &words {
        command.arg(word);
    }
    let lock = Lock::default();
    lock.set_unlocked(args.unlock);
    let asking = async {
        let connection = if args.unlock {
            Connection::open_for_writes(&cache.url, lock).await?
        } else {
            Connection::open_with(&cache.url, lock).await?
        };
        let start = std::time::Instant::now();
        let answer = connection.ask_for_person(&command).await?;
        Ok::<_, InspectError>((answer, start.elapsed()))
    };
    let told = Told::new(&line);
    let answer = cancel.run_until_cancelled(asking).await.ok_or_else(|| {
        anyhow::anyhow!("cancelled; what the server had begun it may have carried out")
    })?;
    let (answer, took) = answer.map_err(|error| match &error {
        InspectError::Refused(refusal) if refusal.is_for_the_lock() => anyhow::anyhow!(
            "{} was not sent: without --unlock before it only harmless reads are, and this writes, is dangerous to others, \
             or is not known to be neither",
            refusal.command
        ),
        _ => anyhow::anyhow!("{}", told.without(&error.to_string())),
    })?;
    let answer = redact(&words, answer);
    if args.json {
        return print_json(&json!({
            "command": told.line,
            "answer": reply_json(&answer),
            "took_ms": crate::cli::output::duration_millis(took),
        }));
    }
    let (mut text, _) = reply_text(&answer, usize::MAX);
    text.push('\n');
    Ok(print(&text)?)
}

/// A word's bytes, as they were given.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it may fail")]
fn bytes(word: &std::ffi::OsString) -> Result<Vec<u8>> {
    use std::os::unix::ffi::OsStrExt;
    Ok(word.as_bytes().to_vec())
}

#[cfg(not(unix))]
fn bytes(word: &std::ffi::OsString) -> Result<Vec<u8>> {
    let text = word.to_str().ok_or_else(|| {
        usage(format!(
            "\"{}\" is not Unicode text; give binary words from the console",
            word.to_string_lossy()
        ))
    })?;
    Ok(text.as_bytes().to_vec())
}
