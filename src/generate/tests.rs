mod dialogue;
mod levels;
mod novelty;
mod run;
mod script;
mod self_instruct;
mod self_play;
