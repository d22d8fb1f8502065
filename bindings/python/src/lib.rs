//! figureground for Python: frames in, verdicts out. What is said of it to its users stands in `_figureground.pyi`.

mod gate;
mod pipeline;
mod verdict;

use pyo3::prelude::*;

pyo3::create_exception!(
    figureground,
    Error,
    pyo3::exceptions::PyException,
    "What went wrong: stage, what was expected, what came, and what to try next."
);

/// An error of ours as Python's.
fn raised(error: figureground::Error) -> PyErr {
    Error::new_err(error.to_string())
}

#[pymodule]
fn _figureground(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("Error", module.py().get_type::<Error>())?;
    module.add_class::<verdict::Verdict>()?;
    module.add_class::<gate::Gate>()?;
    module.add_class::<pipeline::Pipeline>()
}
