// Comfort only: every page works without this. One small module a behaviour, bound by data- attributes.
import "./once.js";
import "./copy.js";
import "./complete.js";
import "./compose.js";
import "./offline.js";
import "./drafts.js";
