//! Data that comes from a task: it keeps its previous value while it refreshes, so that a refresh dims and never
//! blanks.

/// A value that a task brings.
#[derive(Clone, Debug)]
pub struct Remote<T> {
    value: Option<T>,
    error: Option<String>,
    loading: bool,
}

impl<T> Default for Remote<T> {
    fn default() -> Self {
        Self {
            value: None,
            error: None,
            loading: false,
        }
    }
}

impl<T> Remote<T> {
    /// A value that is already here.
    pub fn ready(value: T) -> Self {
        Self {
            value: Some(value),
            error: None,
            loading: false,
        }
    }

    /// Marks that a task fetches it.
    pub fn start(&mut self) {
        self.loading = true;
    }

    /// Takes what the task brought. A failure keeps the previous value, beside the reason.
    pub fn set(&mut self, result: Result<T, String>) {
        self.loading = false;
        match result {
            Ok(value) => {
                self.value = Some(value);
                self.error = None;
            }
            Err(error) => self.error = Some(error),
        }
    }

    /// The value, possibly an older one.
    pub fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// The value, to be changed in place.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.as_mut()
    }

    /// Why the last fetch failed.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Whether a task fetches it now.
    pub fn is_loading(&self) -> bool {
        self.loading
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_keeps_the_previous_value() {
        let mut remote = Remote::ready(1);
        remote.start();
        assert_eq!((remote.get(), remote.is_loading()), (Some(&1), true));
        remote.set(Err("refused".into()));
        assert_eq!(
            (remote.get(), remote.error(), remote.is_loading()),
            (Some(&1), Some("refused"), false)
        );
        remote.set(Ok(2));
        assert_eq!((remote.get(), remote.error()), (Some(&2), None));
    }
}
