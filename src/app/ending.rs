//! How does the window end where its display does not work? With one sentence, and never with a panic.

use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Arc;

use parking_lot::Mutex;

/// Runs the window; a panic of the libraries under it, when a display goes away, becomes a sentence.
///
/// # Errors
///
/// One sentence with cause and remedy.
pub(super) fn run(window: impl FnOnce() -> eframe::Result) -> anyhow::Result<()> {
    let said = Arc::new(Mutex::new(None));
    let (here, note) = (std::thread::current().id(), said.clone());
    let usual: Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync> = Arc::from(panic::take_hook());
    let others = usual.clone();
    panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() == here {
            note.lock().get_or_insert_with(|| Fault::of(panic));
        } else {
            others(panic);
        }
    }));
    let result = panic::catch_unwind(AssertUnwindSafe(window));
    panic::set_hook(Box::new(move |panic| usual(panic)));
    match result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(anyhow::anyhow!(sentence(&error))),
        Err(_) => {
            let fault = said.lock().take().unwrap_or_default();
            Err(anyhow::anyhow!(fault.sentence()))
        }
    }
}

/// A panic: what it said, and where.
#[derive(Debug, Default)]
struct Fault {
    message: String,
    file: String,
    line: u32,
}

impl Fault {
    fn of(panic: &PanicHookInfo<'_>) -> Self {
        let place = panic.location();
        Self {
            message: panic.payload_as_str().unwrap_or_default().to_owned(),
            file: place.map_or_else(String::new, |place| place.file().to_owned()),
            line: place.map_or(0, panic::Location::line),
        }
    }

    fn sentence(&self) -> String {
        // What lies between us and the display; all of it is told apart by its folder.
        let display = ["winit-", "glutin-", "eframe-", "egui-winit-", "egui_glow-"];
        if display.iter().any(|library| self.file.contains(library)) {
            return format!(
                "the display went away while the window was open ({}); open it again, or use a command, lookaside --help lists them",
                one_line(&self.message)
            );
        }
        let file = self.file.rsplit('/').next().unwrap_or_default();
        format!(
            "the window had to end by a mistake in Lookaside ({} in {file}, line {}); please report it, and open the window again",
            one_line(&self.message),
            self.line
        )
    }
}

/// Why no window can be shown, and what can be done about it.
fn sentence(error: &eframe::Error) -> String {
    let remedy = "or use a command, lookaside --help lists them";
    match error {
        eframe::Error::NoGlutinConfigs(_, why) => format!(
            "this display has no OpenGL that works ({}); install its drivers (Debian, Ubuntu: apt install libgl1-mesa-dri), {remedy}",
            one_line(&why.to_string())
        ),
        eframe::Error::Glutin(why) => format!(
            "OpenGL does not work on this display ({}); install its drivers (Debian, Ubuntu: apt install libgl1-mesa-dri), {remedy}",
            one_line(&why.to_string())
        ),
        eframe::Error::Winit(_) | eframe::Error::WinitEventLoop(_) => {
            let names: Vec<String> = ["WAYLAND_DISPLAY", "DISPLAY"]
                .into_iter()
                .filter_map(|name| Some(format!("{name}={}", std::env::var(name).ok()?)))
                .collect();
            format!(
                "the display does not answer ({}); name one that does, {remedy}",
                names.join(", ")
            )
        }
        error => format!(
            "the window cannot be shown on this display ({}); try another, {remedy}",
            one_line(&error.to_string())
        ),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(window: impl FnOnce() -> eframe::Result) -> String {
        run(window).map_or_else(|error| error.to_string(), |()| "well".into())
    }

    #[test]
    #[expect(
        clippy::default_trait_access,
        reason = "the type is of a library that is not named here"
    )]
    fn every_end_is_one_sentence() {
        assert_eq!(ended(|| Ok(())), "well");
        let gl = ended(|| {
            Err(eframe::Error::NoGlutinConfigs(
                Default::default(),
                "failed to create\nEGLDisplay".into(),
            ))
        });
        assert!(
            gl.starts_with("this display has no OpenGL that works (failed to create EGLDisplay)"),
            "{gl}"
        );
        let mistake = ended(|| panic!("index 3\nout of range"));
        assert!(
            mistake.contains("(index 3 out of range in ending.rs, line"),
            "{mistake}"
        );
        let fault = Fault {
            message: "Failed to poll".into(),
            file: "/x/winit-0.30.13/src/lib.rs".into(),
            line: 1,
        };
        assert!(
            fault
                .sentence()
                .starts_with("the display went away while the window was open (Failed to poll)")
        );
    }
}
