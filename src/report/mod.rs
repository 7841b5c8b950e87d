//! What a run does, as events; and the renderers that show them.
