"""The stages: one module and one public function each, artefacts in, one artefact out."""
