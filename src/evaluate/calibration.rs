//! A gate's threshold chosen by records.
