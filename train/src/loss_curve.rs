//! Writes the loss of every step as CSV.

use figureground::{Error, Result, Stage};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

const HEADER: &str = "step,epoch,learning_rate,loss";

/// A CSV file with one row per step.
#[derive(Debug)]
pub struct LossCurve {
    path: PathBuf,
    file: BufWriter<File>,
}

impl LossCurve {
    /// Opens the file to append after the row of step `step`; later rows, of steps after the checkpoint, are removed.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn open(path: &Path, step: usize) -> Result<Self> {
        let kept = kept_rows(&std::fs::read_to_string(path).unwrap_or_default(), step);
        figureground::file::write_aside(path, kept.as_bytes())?;
        let file = OpenOptions::new().append(true).open(path).map_err(|e| not_written(path, e))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Appends the row of a step.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn push(&mut self, step: usize, epoch: usize, rate: f64, loss: f32) -> Result<()> {
        writeln!(self.file, "{step},{epoch},{rate:.3e},{loss}").map_err(|e| not_written(&self.path, e))
    }

    /// Writes buffered rows to the file.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|e| not_written(&self.path, e))
    }
}

/// Returns the header and the rows up to `step`.
fn kept_rows(text: &str, step: usize) -> String {
    let rows = text.lines().skip(1).filter(|row| {
        let number = row.split(',').next().and_then(|step| step.parse::<usize>().ok());
        row.split(',').count() == HEADER.split(',').count() && number.is_some_and(|number| number <= step)
    });
    std::iter::once(HEADER).chain(rows).map(|row| format!("{row}\n")).collect()
}

fn not_written(path: &Path, error: std::io::Error) -> Error {
    let next = "check the directory's permissions and free space";
    Error::caused(Stage::Training, format_args!("a writable file {}", path.display()), error, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_after_the_checkpoint_and_incomplete_rows_are_removed() {
        let text = format!("{HEADER}\n1,0,1e-3,2.5\n2,0,1e-3,2.25\n3,0,1e-3,2");
        assert_eq!(kept_rows(&text, 2), format!("{HEADER}\n1,0,1e-3,2.5\n2,0,1e-3,2.25\n"));
        assert_eq!(kept_rows("", 0), format!("{HEADER}\n"));
        assert_eq!(kept_rows(&format!("{HEADER}\n1,0,1e"), 5), format!("{HEADER}\n"));
    }
}
