//! figureground for Python: frames to verdicts. `_figureground.pyi` documents it for its users.

mod gate;
mod pipeline;
mod verdict;

use pyo3::prelude::*;

pyo3::create_exception!(
    figureground,
    Error,
    pyo3::exceptions::PyException,
    "An error: its stage, what was expected, what was found, and what to try next."
);

/// Converts an error into Python's.
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
