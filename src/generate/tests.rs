mod novelty;
