// libyaml, as Debian ships it. PipeGraph/YAML/YAMLReader.swift is the only importer.
#include <yaml.h>
