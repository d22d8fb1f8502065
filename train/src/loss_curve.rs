//! The loss of every step, as CSV.

use figureground::{Error, Result, Stage};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

const HEADER: &str = "step,epoch,learning_rate,loss";

/// A CSV file that grows by a row a step.
#[derive(Debug)]
pub struct LossCurve {
    path: PathBuf,
    file: BufWriter<File>,
}

impl LossCurve {
    /// Goes on behind the row of step `step`; what a killed run wrote after its checkpoint is written again.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn open(path: &Path, step: usize) -> Result<Self> {
        let kept = kept_rows(&std::fs::read_to_string(path).unwrap_or_default(), step);
        figureground::file::write_aside(path, kept.as_bytes())?;
        let file = OpenOptions::new().append(true).open(path).map_err(|e| unwritable(path, &e))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Adds the row of a step.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn push(&mut self, step: usize, epoch: usize, rate: f64, loss: f32) -> Result<()> {
        writeln!(self.file, "{step},{epoch},{rate:.3e},{loss}").map_err(|e| unwritable(&self.path, &e))
    }

    /// Brings all rows to the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|e| unwritable(&self.path, &e))
    }
}

/// The header and the rows up to `step`.
fn kept_rows(text: &str, step: usize) -> String {
    let rows = text.lines().skip(1).filter(|row| {
        let number = row.split(',').next().and_then(|step| step.parse::<usize>().ok());
        row.split(',').count() == HEADER.split(',').count() && number.is_some_and(|number| number <= step)
    });
    std::iter::once(HEADER).chain(rows).map(|row| format!("{row}\n")).collect()
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    let next = "check the directory's permissions and free space";
    Error::new(Stage::Training, format_args!("to write {}", path.display()), error, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_after_the_checkpoint_and_half_a_row_are_dropped() {
        let text = format!("{HEADER}\n1,0,1e-3,2.5\n2,0,1e-3,2.25\n3,0,1e-3,2");
        assert_eq!(kept_rows(&text, 2), format!("{HEADER}\n1,0,1e-3,2.5\n2,0,1e-3,2.25\n"));
        assert_eq!(kept_rows("", 0), format!("{HEADER}\n"));
        assert_eq!(kept_rows(&format!("{HEADER}\n1,0,1e"), 5), format!("{HEADER}\n"));
    }
}
