//! Call sites that have a student already, made without training.
