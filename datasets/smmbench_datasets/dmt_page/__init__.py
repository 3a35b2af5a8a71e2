"""Real clips and published outputs of the SMM paper's project page: manifests, no videos."""
