//! Golden vectors computed independently in double precision (formulas of the module docs), simulations
//! with fixed seeds, and the machine's walk.

mod machine;
mod statistics;
