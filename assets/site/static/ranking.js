import {refresh} from "./swap.js";

refresh("[data-ranking]", 15, () => false);
