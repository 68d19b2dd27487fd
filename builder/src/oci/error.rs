//! Why an image could not be read from a layout, an archive or a registry, or written to one.

use std::io;

use thiserror::Error;

/// Why an image could not be read from, or written to, a layout, an archive or a registry.
#[derive(Debug, Error)]
pub enum StorageError {
    /// The operating system returned an error.
    #[error("cannot {act} {path}")]
    Io {
        /// What was attempted, e.g. `write`.
        act: &'static str,
        /// Path of the file; of a part of a layout or an archive, its path in it.
        path: String,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// A file or directory is not what was expected. It is left unchanged.
    #[error("{path} {problem}")]
    Unexpected {
        /// Path of the file or directory, or the name of the image or blob.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A registry refused a request, or could not be reached.
    #[error("{message}")]
    Remote {
        /// What was attempted, where, and what failed.
        message: String,
        /// What the user can do.
        help: Option<String>,
        /// Whether the same request may succeed a little later.
        is_temporary: bool,
    },
    /// What is required of the image beside its bytes is not met.
    #[error("{message}")]
    Refused {
        /// Which image, and what is missing.
        message: String,
        /// What the user can do.
        help: Option<String>,
    },
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl StorageError {
    /// Returns a permanent error of a registry, without help.
    pub(crate) fn remote(message: impl Into<String>) -> Self {
        Self::Remote { message: message.into(), help: None, is_temporary: false }
    }

    /// Returns the message together with the operating system's error, if there is one.
    pub(crate) fn full_message(&self) -> String {
        match self {
            Self::Io { source, .. } => format!("{self}: {source}"),
            _ => self.to_string(),
        }
    }

    /// Returns what the user can do, where that is known.
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::Remote { help, .. } | Self::Refused { help, .. } => help.as_deref(),
            _ => None,
        }
    }

    /// Returns whether the same request may succeed a little later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Remote { is_temporary: true, .. })
    }

    /// Returns a function that adds the act and the path to an error of the operating system. An error
    /// of a registry that a reader or writer returned is that error again.
    pub(crate) fn io(act: &'static str, path: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| match source.downcast::<Self>() {
            Ok(inner) => inner,
            Err(source) => Self::Io { act, path, source },
        }
    }
}
