//! Writes results as tables into `REPRODUCTION.md`, between marks; the text around them is not generated.

use super::preset::Preset;
use super::result::RowResult;
use super::rows::{Experiment, rows};
use figureground::evaluate::metrics::DrawStatistics;
use figureground::file::write_aside;
use figureground::{Error, Result, Stage};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Returns the path of the report in a clone of the repository.
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("REPRODUCTION.md")
}

/// Writes the tables of all results into the report.
///
/// # Errors
/// Returns an error if results or report cannot be read, or the report lacks the marks of a table.
pub fn update(results: &Path, preset: Preset, report: &Path) -> Result<()> {
    let results = RowResult::all(results, preset.name())?;
    let mut text = std::fs::read_to_string(report).map_err(|e| unusable(report, &e).with_source(e))?;
    for experiment in Experiment::ALL {
        let table = table(experiment, &results);
        text = replaced(&text, experiment.name(), &table).map_err(|mark| unusable(report, &mark))?;
    }
    write_aside(report, text.as_bytes())
}

/// Returns `text` with `table` between the marks of `name`, or the missing mark as an error.
fn replaced(text: &str, name: &str, table: &str) -> std::result::Result<String, String> {
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let from = text.find(&begin).ok_or_else(|| format!("no {begin}"))? + begin.len();
    let to = text[from..].find(&end).ok_or_else(|| format!("no {end}"))? + from;
    Ok(format!("{}\n{table}{}", &text[..from], &text[to..]))
}

/// Returns heading and score of the columns of an experiment's table. A column without scores is not written.
fn columns(experiment: Experiment) -> &'static [(&'static str, &'static str)] {
    match experiment {
        Experiment::FewShot => &[
            ("base top1", "base-in.top1"),
            ("B-top1", "base-in.b_top1"),
            ("P-top1", "base-in.p_top1"),
            ("P exact", "base-in.p_top1_exact"),
            ("novel top1", "novel-in.top1"),
            ("B-top1", "novel-in.b_top1"),
            ("P-top1", "novel-in.p_top1"),
            ("P exact", "novel-in.p_top1_exact"),
        ],
        Experiment::Cross => &[
            ("base in top1", "base-in.top1"),
            ("B", "base-in.b_top1"),
            ("P", "base-in.p_top1"),
            ("base out top1", "base-out.top1"),
            ("B", "base-out.b_top1"),
            ("P", "base-out.p_top1"),
            ("P exact", "base-out.p_top1_exact"),
            ("novel out top1", "novel-out.top1"),
            ("P", "novel-out.p_top1"),
            ("novel in top1", "novel-in.top1"),
            ("P", "novel-in.p_top1"),
        ],
        Experiment::Objects => &[
            ("base top1", "base.top1"),
            ("B-top1", "base.b_top1_exact"),
            ("P-top1", "base.p_top1_exact"),
            ("novel top1", "novel.top1"),
            ("B-top1", "novel.b_top1_exact"),
            ("P-top1", "novel.p_top1_exact"),
            ("unbound top1", "base-unbound.top1"),
        ],
        Experiment::Albar => &[
            ("in top1", "base-in.top1"),
            ("out top1", "base-out.top1"),
            ("SCUBA scenes", "scuba.scenes"),
            ("clouds", "scuba.clouds"),
            ("stripes", "scuba.stripes"),
            ("mean", "scuba.mean"),
            ("stripes (old)", "scuba.stripes_old"),
            ("mean (old)", "scuba.mean_old"),
            ("SCUFO scenes", "scufo.scenes"),
            ("clouds", "scufo.clouds"),
            ("stripes", "scufo.stripes"),
            ("mean", "scufo.mean"),
            ("stripes (old)", "scufo.stripes_old"),
            ("mean (old)", "scufo.mean_old"),
            ("ConflFG", "conflfg.mean"),
            ("contrastive", "contrastive.mean"),
            ("ConflFG (old)", "conflfg.mean_old"),
            ("contrastive (old)", "contrastive.mean_old"),
        ],
        Experiment::Frames => &[
            ("in top1", "base-in.top1"),
            ("out top1", "base-out.top1"),
            ("out, exact P", "base-out.p_top1_exact"),
            ("background alone, in", "base-in.background"),
        ],
    }
}

fn table(experiment: Experiment, results: &[RowResult]) -> String {
    let rows: Vec<_> = rows().into_iter().filter(|row| row.experiment == experiment).collect();
    let has_score = |score: &str| {
        let of_table = results.iter().filter(|result| rows.iter().any(|row| row.name == result.row));
        of_table.clone().any(|result| result.scores.contains_key(score))
    };
    let columns: Vec<_> = columns(experiment).iter().filter(|(_, score)| has_score(score)).collect();
    let mut table = String::from("| row | seeds |");
    columns.iter().for_each(|(heading, _)| _ = write!(table, " {heading} |"));
    table.push_str(" best epoch | seconds |\n|---|---|");
    table.push_str(&"---|".repeat(columns.len() + 2));
    table.push('\n');
    for row in &rows {
        let of_row: Vec<&RowResult> = results.iter().filter(|result| result.row == row.name).collect();
        if of_row.is_empty() {
            continue;
        }
        _ = write!(table, "| {} | {} |", row.name, of_row.len());
        for (_, score) in &columns {
            let values: Vec<f64> = of_row.iter().filter_map(|result| result.scores.get(*score)).copied().collect();
            _ = write!(table, " {} |", percent(values));
        }
        let best: Vec<f64> = of_row.iter().map(|o| o.epochs.iter().copied().fold(0.0, f64::max)).collect();
        let seconds: Vec<f64> = of_row.iter().map(|result| result.seconds).collect();
        _ = writeln!(
            table,
            " {} | {:.0} |",
            percent(best),
            DrawStatistics::of(seconds).map_or(0.0, |seconds| seconds.mean)
        );
    }
    table
}

/// Formats the mean in per cent, with the sample deviation if there are several seeds.
fn percent(values: Vec<f64>) -> String {
    match DrawStatistics::of(values) {
        None => String::new(),
        Some(seeds) if seeds.draws == 1 => format!("{:.1}", 100.0 * seeds.mean),
        Some(seeds) => format!("{:.1} ± {:.1}", 100.0 * seeds.mean, 100.0 * seeds.deviation),
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Error {
    let got = format!("{}: {error}", path.display());
    Error::new(Stage::Training, "a report with a pair of marks for each table", got, "restore it from the repository")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_the_marks_changes() {
        let text = "a <!-- x -->old<!-- /x --> b";
        assert_eq!(replaced(text, "x", "new\n").unwrap(), "a <!-- x -->\nnew\n<!-- /x --> b");
        assert!(replaced(text, "y", "").is_err());
    }

    #[test]
    fn the_report_contains_the_tables_of_the_results() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("REPRODUCTION.md");
        std::fs::copy(path(), &copy).unwrap();
        update(&crate::reproduce::results_folder(), Preset::Miniature, &copy).unwrap();
        assert_eq!(std::fs::read_to_string(copy).unwrap(), std::fs::read_to_string(path()).unwrap());
    }
}
