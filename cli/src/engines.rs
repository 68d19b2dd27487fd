//! *Container engines* on this machine, docker and podman, which load images from an archive.

use std::io::{self, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::fs::Dir;
use clap::ValueEnum;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::sink::StoreSink;
use diskette_builder::oci::store::ArchiveSink;
use diskette_builder::recipe::diagnostic::Diagnostic;

use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::open_dir;

/// The engine that `--load` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineChoice {
    /// docker if its daemon is running, else podman
    #[value(name = "true")]
    Any,
    /// No engine
    #[value(name = "false")]
    None,
    /// docker
    Docker,
    /// podman
    Podman,
}

/// An engine that loads images.
#[derive(Debug, Clone)]
pub(crate) struct ContainerEngine {
    program: &'static str,
    /// `PROGRAM load`, once it was started.
    load: Arc<Mutex<Option<Child>>>,
}

/// Engines in the order in which they are asked, with a command that fails if the engine does not
/// answer.
const ENGINES: [(&str, &[&str]); 2] =
    [("docker", &["version", "--format", "{{.Server.Version}}"]), ("podman", &["info"])];

impl ContainerEngine {
    /// Returns the engine to load images into; none if that is not asked for.
    pub(crate) fn find(choice: Option<EngineChoice>) -> Result<Option<Self>, CommandError> {
        let wanted = |program: &str| match choice {
            Some(EngineChoice::Any) => true,
            Some(EngineChoice::Docker) => program == "docker",
            Some(EngineChoice::Podman) => program == "podman",
            Some(EngineChoice::None) | None => false,
        };
        let asked: Vec<_> = ENGINES.iter().filter(|(program, _)| wanted(program)).collect();
        if asked.is_empty() {
            return Ok(None);
        }
        if let Some((program, _)) = asked.iter().find(|(program, args)| answers(program, args)) {
            return Ok(Some(Self { program, load: Arc::default() }));
        }
        let names: Vec<&str> = asked.iter().map(|(program, _)| *program).collect();
        let message = format!("cannot load the image: {} does not answer", names.join(" or "));
        let help = "install one of them or start its daemon; without an engine, write an archive \
                    with `-o oci-archive:FILE`";
        Err(Diagnostic::new(message).help(help).into())
    }

    /// Returns the name of the input in messages.
    fn input_name(&self) -> String {
        format!("to `{} load`", self.program)
    }

    /// Returns the input of `load`, which starts with the first byte.
    fn input(&self) -> EngineInput {
        EngineInput { engine: self.clone(), stdin: None }
    }

    fn start(&self) -> io::Result<ChildStdin> {
        let mut command = Command::new(self.program);
        let command = command.arg("load").stdin(Stdio::piped()).stdout(io::stderr());
        let mut child = command.spawn()?;
        let stdin = child.stdin.take().ok_or_else(|| io::Error::other("it has no input"))?;
        *self.load.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        Ok(stdin)
    }

    /// Waits until the image is loaded. Its input must be closed.
    pub(crate) fn finish(&self) -> Result<(), CommandError> {
        let Some(mut child) = self.load.lock().unwrap_or_else(PoisonError::into_inner).take()
        else {
            return Ok(());
        };
        let name = format!("{} load", self.program);
        let status = child.wait().map_err(cannot("wait for", &name))?;
        if status.success() {
            return Ok(());
        }
        let diagnostic = Diagnostic::new(format!("`{name}` failed with {status}"));
        Err(diagnostic.help("its message is above").into())
    }
}

/// An engine with the directory for temporary files, where an archive is written before the engine
/// reads it.
pub(crate) struct OpenedEngine<'a> {
    engine: &'a ContainerEngine,
    dir: Dir,
}

impl<'a> OpenedEngine<'a> {
    pub(crate) fn open(
        engine: &'a ContainerEngine,
        environment: &Environment,
    ) -> Result<Self, CommandError> {
        let path = &environment.temporary;
        let dir = open_dir(path).map_err(cannot("open", path.display()))?;
        Ok(Self { engine, dir })
    }

    /// Returns a sink whose images the engine loads.
    pub(crate) fn sink(&self) -> Result<Box<dyn StoreSink + '_>, CommandError> {
        let (input, name) = (Box::new(self.engine.input()), self.engine.input_name());
        Ok(Box::new(ArchiveSink::stream(&self.dir, input, &name, Platform::host())?))
    }
}

/// Returns whether a command succeeds.
fn answers(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    let command = command.args(args).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The input of an engine's `load`.
#[derive(Debug)]
struct EngineInput {
    engine: ContainerEngine,
    stdin: Option<ChildStdin>,
}

impl Write for EngineInput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stdin.is_none() {
            self.stdin = Some(self.engine.start()?);
        }
        self.stdin.as_mut().map_or(Ok(0), |stdin| stdin.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
