#include "config.h"

#include "kube_watch.h"
