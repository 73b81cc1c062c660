//! The one place where an error becomes a sentence and an exit status: 0 done, 1 failed, 2 wrong usage.

use std::process::ExitCode;

use crate::table::WriteError;

/// What was asked for cannot be: a report, a parameter or an option that does not exist or does not fit.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// Something failed and has already been said, in the data or on standard error.
#[derive(Debug, thiserror::Error)]
#[error("failed")]
struct Said;

/// A wrong usage, in one sentence.
pub fn usage(message: impl Into<String>) -> anyhow::Error {
    Usage(message.into()).into()
}

/// A failure that needs no further word.
pub fn said() -> anyhow::Error {
    Said.into()
}

/// Tells the error, if there is one to tell, and gives the exit status.
pub fn status(result: &anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    if is_broken_pipe(error) {
        // Whoever read has read enough (`| head`).
        return ExitCode::SUCCESS;
    }
    if error.is::<Said>() {
        return ExitCode::FAILURE;
    }
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    let told = crate::human::without_number(&sentence(&causes));
    crate::cli::output::note(&format!("lookaside: {told}"));
    if error.is::<Usage>() {
        ExitCode::from(2)
    } else {
        ExitCode::FAILURE
    }
}

/// The causes in one line; one that the sentence before already tells is left out.
fn sentence(causes: &[String]) -> String {
    let mut told = String::new();
    for cause in causes {
        if told.is_empty() {
            told.clone_from(cause);
        } else if !told.contains(cause.as_str()) {
            told.push_str(": ");
            told.push_str(cause);
        }
    }
    told
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<WriteError>()
        .is_some_and(|error| error.broken_pipe)
        || error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let causes = ["a: b".to_owned(), "b".to_owned(), "c".to_owned()];
        assert_eq!(sentence(&causes), "a: b: c");
    }
}
