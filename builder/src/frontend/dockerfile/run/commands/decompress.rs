//! `gunzip`, `unxz`, `unzstd` and `bunzip2`: files are decompressed when the layer is made.

use super::super::archive::TreeArchive;
use super::super::content::{Content, is_unchanged};
use super::super::options::{CommandArguments, KnownOption, OptionValue};
use super::super::process::Process;
use super::super::status::{CommandRefusal, CommandStatus, escaped};
use crate::compression::CompressionFormat;

const OPTIONS: &[KnownOption] = &[
    ("d", "decompress", OptionValue::Nothing),
    ("c", "stdout", OptionValue::Nothing),
    ("k", "keep", OptionValue::Nothing),
    ("f", "force", OptionValue::Nothing),
    ("v", "verbose", OptionValue::Nothing),
    ("q", "quiet", OptionValue::Nothing),
    ("T", "threads", OptionValue::Value),
    ("n", "no-name", OptionValue::Nothing),
    ("o", "", OptionValue::Value),
    ("", "rm", OptionValue::Nothing),
];

/// A program that decompresses.
pub(super) struct Decompressor {
    pub(super) name: &'static str,
    pub(super) format: CompressionFormat,
    /// Ending of the names of compressed files.
    pub(super) suffix: &'static str,
    /// Whether it compresses without `-d`.
    pub(super) compresses: bool,
    /// Whether it keeps the compressed file.
    pub(super) keeps: bool,
    /// Whether it writes to standard output, as `zcat` does.
    pub(super) prints: bool,
}

impl Decompressor {
    pub(super) fn run(
        &self,
        process: &mut Process<'_>,
        words: &[String],
    ) -> Result<CommandStatus, CommandRefusal> {
        let arguments = CommandArguments::parse(self.name, OPTIONS, words)?;
        if self.compresses && !arguments.has("decompress") {
            return Err(CommandRefusal::new(format!(
                "`{}` is evaluated with `-d` only",
                self.name
            )));
        }
        let mut status = CommandStatus::default();
        if arguments.operands.is_empty() {
            let content = self.decompress(std::mem::take(&mut process.input))?;
            process.print(content)?;
        }
        if arguments.has("") && self.format != CompressionFormat::Zstd {
            return Err(CommandRefusal::new(format!("`-o` of `{}` is not evaluated", self.name)));
        }
        for path in &arguments.operands {
            self.decompress_file(process, path, &arguments, &mut status)?;
        }
        Ok(status)
    }

    fn decompress_file(
        &self,
        process: &mut Process<'_>,
        path: &str,
        arguments: &CommandArguments,
        status: &mut CommandStatus,
    ) -> Result<(), CommandRefusal> {
        let Some(content) = status.record(process.read(path), || escaped(path))? else {
            return Ok(());
        };
        let content = self.decompress(content)?;
        if self.prints || arguments.has("stdout") {
            return process.print(content);
        }
        let given = arguments.value("");
        let stripped = path.strip_suffix(self.suffix).filter(|name| !name.ends_with('/'));
        let Some(target) = given.or(stripped) else {
            let message = format!("`{path}` does not end with `{}`", self.suffix);
            return Err(CommandRefusal::new(message));
        };
        if process.exists(target) && !arguments.has("force") {
            status.fail(format!("{} already exists", escaped(target)));
            return Ok(());
        }
        let is_kept = self.keeps && !arguments.has("rm") || arguments.has("keep");
        let moved = process.replace_file(path, target, content, is_kept);
        status.record(moved, || escaped(path))?;
        Ok(())
    }

    fn decompress(&self, content: Content) -> Result<Content, CommandRefusal> {
        match content {
            Content::Source(mut source, _) if is_unchanged(&source) => {
                source.compression = Some(self.format);
                Ok(Content::Source(source, None))
            }
            Content::Archive(archive) if archive.compression == Some(self.format) => {
                Ok(Content::Archive(TreeArchive { compression: None, ..archive }))
            }
            _ => {
                let message = format!("`{}` is evaluated once for a file that is read", self.name);
                Err(CommandRefusal::new(message))
            }
        }
    }
}
