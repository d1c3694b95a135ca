#include "config.h"

#include "watcher.h"
