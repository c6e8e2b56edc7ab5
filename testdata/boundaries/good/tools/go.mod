module risingstars/tools
