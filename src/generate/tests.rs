mod levels;
mod novelty;
