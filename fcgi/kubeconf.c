#include "config.h"

#include "kubeconf.h"
